"""What in the site would keep a delivery from its view: settings, and other middlewares.

The view is exempt from Django's own ``LoginRequiredMiddleware``. The names of other middlewares
show a little; sending a request through them shows the rest, and costs what a request costs.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import request_finished
from django.db import close_old_connections

from pandabase_django.services.webhooks.own_address import receiving_path

__all__ = ["Obstacle", "obstacles_by_name", "receives_webhooks", "site_answer"]

_ASKS_EVERYBODY = re.compile(
    r"login_?requir|requires?_?login|basic_?auth|lockdown|maintenance", re.IGNORECASE
)
_KEPT_AWAY = frozenset({301, 302, 303, 307, 308, 401, 403, 503})
_PROBE_ID = "0" * 40


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that may redirect or refuse deliveries, and what to do about it."""

    text: str
    fix: str


def receives_webhooks() -> bool:
    """Whether this project has included the app's URLs."""
    return bool(receiving_path(_PROBE_ID))


def obstacles_by_name() -> list[Obstacle]:
    """What settings alone show; empty where webhooks have no URLs."""
    if not receives_webhooks():
        return []
    found = [
        Obstacle(
            f"{dotted} may redirect or refuse webhook deliveries before they are read.",
            "Exempt the addresses of pandabase_django.urls in its own settings; then silence this. "
            "`manage.py pandabase_check` sends a request through all middlewares.",
        )
        for dotted in settings.MIDDLEWARE
        if not dotted.startswith("django.") and _ASKS_EVERYBODY.search(dotted.rpartition(".")[2])
    ]
    if settings.PREPEND_WWW:
        found.append(
            Obstacle(
                "PREPEND_WWW redirects webhook deliveries that come to the address without “www.”.",
                "Register the address with “www.” at Pandabase; then silence this.",
            )
        )
    return found


def site_answer() -> int | None:
    """Send a request without credentials to the address, through every middleware of this process.

    Returns:
        The status, when something before the view redirected or refused it; None when the view was
        reached, or this process does not know.
    """
    path = receiving_path(_PROBE_ID)
    if not path:
        return None
    host = next((name for name in settings.ALLOWED_HOSTS if name.strip(".*") == name), "localhost")
    # PUT never comes to more than the view's 405: nothing is noted as a refused delivery.
    request = WSGIRequest(
        {
            "REQUEST_METHOD": "PUT",
            "PATH_INFO": path,
            "SERVER_NAME": host,
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": "2",
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(b"{}"),
        }
    )
    handler = BaseHandler()
    handler.load_middleware()
    with _unlogged(request):
        response = handler.get_response(request)
        # As Django's test client does: the end of a request closes the connection that the
        # caller is using, and with it a transaction around it.
        request_finished.disconnect(close_old_connections)
        try:
            response.close()
        finally:
            request_finished.connect(close_old_connections)
    if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return None
    return response.status_code if response.status_code in _KEPT_AWAY else None


@contextmanager
def _unlogged(request: WSGIRequest) -> Iterator[None]:
    """Keep what Django logs of this request out of the log: nobody sent it."""

    def is_another(record: logging.LogRecord) -> bool:
        return getattr(record, "request", None) is not request

    logger = logging.getLogger("django.request")
    logger.addFilter(is_another)
    try:
        yield
    finally:
        logger.removeFilter(is_another)
