"""Which requests are deliveries, by the shop's own URLs."""

from __future__ import annotations

from django.conf import settings
from django.core.handlers.asgi import get_script_prefix
from django.urls import Resolver404, resolve
from django.utils import translation

from pandabase_django.asgi.protocol import Scope

__all__ = ["endpoint_of"]


def endpoint_of(scope: Scope) -> str | None:
    """The last part of a delivery's address; None when the request is no delivery.

    The path is resolved as Django will resolve it: wherever the shop has mounted our URLs, with
    whatever prefix. URLs that a middleware sets for one request are not seen.
    """
    if scope["type"] != "http" or scope["method"].upper() != "POST":
        return None
    path = scope["path"].removeprefix(get_script_prefix(scope))
    # i18n_patterns fits the language that is active, and LocaleMiddleware has not run yet.
    language = translation.get_language_from_path(path) or settings.LANGUAGE_CODE
    try:
        with translation.override(language):
            match = resolve(path)
    except Resolver404:
        return None
    ours = match.app_names[-1:] == ["pandabase"]
    return match.kwargs.get("endpoint_id") if ours else None
