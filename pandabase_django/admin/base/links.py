"""Where the page of a row is, and links to it for those who may open it."""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar
from weakref import ref

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from pandabase_django.admin.base.rights import admin_of, may_view

__all__ = ["admin_url", "change_url", "link", "may_link", "model_name_of", "note_who_asks"]

# Weak: a request that has ended answers for nobody.
_asked_by: ContextVar[ref[HttpRequest] | None] = ContextVar("pandabase_asked_by", default=None)


def model_name_of(row: Model) -> str:
    """The name of a row's model, that of a proxy being its concrete model's."""
    concrete = row._meta.concrete_model or type(row)
    return concrete._meta.model_name or ""


def admin_url(site: admin.AdminSite, name: str, *arguments: object) -> str:
    """The address of an admin page by its name; "" when the site has no such page."""
    args = [quote(str(item)) for item in arguments]
    for known in (name, _name_of_proxy(site, name)):
        with suppress(NoReverseMatch):
            return reverse(f"{site.name}:{known}", args=args)
    return ""


def change_url(site: admin.AdminSite, model_name: str, pk: object) -> str:
    """The address of a row's page; "" when its model has none."""
    return admin_url(site, f"pandabase_{model_name}_change", pk)


def note_who_asks(request: HttpRequest) -> None:
    """Note whose page is made: Django gives no request to what shows a column or a field."""
    _asked_by.set(ref(request))


def may_link(site: admin.AdminSite, row: Model | type[Model]) -> bool:
    """Whether who asks may open this row's page; for a model, the list of its rows."""
    asked_by = _asked_by.get()
    request = asked_by() if asked_by is not None else None
    return request is None or may_view(site, request, row)


def link(site: admin.AdminSite, row: Model, text: object = "") -> str:
    """A link to a row's page; its text alone where this person has none to open."""
    url = change_url(site, model_name_of(row), row.pk) if may_link(site, row) else ""
    return format_html('<a href="{}">{}</a>', url, text or row) if url else str(text or row)


def _name_of_proxy(site: admin.AdminSite, name: str) -> str:
    """The name that a page has where a proxy alone is registered; the name itself otherwise."""
    _app, _, rest = name.partition("_")
    model_name, _, part = rest.partition("_")
    with suppress(LookupError):
        model_admin = admin_of(site, apps.get_model("pandabase", model_name))
        if model_admin is not None:
            return f"{model_admin.opts.app_label}_{model_admin.opts.model_name}_{part}"
    return name
