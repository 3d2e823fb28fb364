"""Where the page of a row is. Whether a person may open it: ``rights`` and ``scope``."""

from __future__ import annotations

from contextlib import suppress

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from pandabase_django.admin.base.rights import admin_of

__all__ = ["admin_url", "change_url", "link", "model_name_of"]


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


def link(site: admin.AdminSite, row: Model, text: object = "") -> str:
    """A link to a row's page; its text alone when there is none."""
    url = change_url(site, model_name_of(row), row.pk)
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
