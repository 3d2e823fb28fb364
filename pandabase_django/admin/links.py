"""Where a row's page is, and whether a person may open it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from pandabase_django.admin.scope import ByStoreMixin, hidden_stores
from pandabase_django.models import Store

__all__ = ["admin_url", "change_url", "link", "may_view", "visible_stores"]


def admin_url(site: admin.AdminSite, name: str, *arguments: object) -> str:
    """The address of an admin page by its name; "" when the site has no such page."""
    try:
        return reverse(f"{site.name}:{name}", args=[quote(str(item)) for item in arguments])
    except NoReverseMatch:
        return ""


def change_url(site: admin.AdminSite, model_name: str, pk: object) -> str:
    """The address of a row's page; "" when its model has none."""
    return admin_url(site, f"pandabase_{model_name}_change", pk)


def link(site: admin.AdminSite, row: Model, text: object = "") -> str:
    """A link to a row's page; its text alone when there is none."""
    url = change_url(site, row._meta.model_name or "", row.pk)
    return format_html('<a href="{}">{}</a>', url, text or row) if url else str(text or row)


def may_view(site: admin.AdminSite, request: HttpRequest, row: Model | type[Model]) -> bool:
    """Whether a person may open this row's page; for a model, any row's."""
    model, obj = (row, None) if isinstance(row, type) else (type(row), row)
    try:
        model_admin: Any = site.get_model_admin(model)
    except NotRegistered:
        return False
    return bool(model_admin.has_view_permission(request, obj))


def visible_stores(site: admin.AdminSite, request: HttpRequest, model: type[Model]) -> list[Store]:
    """The stores whose rows of this model a person may see, by the model's own admin."""
    if not may_view(site, request, model):
        return []
    model_admin = site.get_model_admin(model)
    hidden = hidden_stores(model_admin, request) if isinstance(model_admin, ByStoreMixin) else []
    # A page asks for several models; the stores themselves are the same.
    known: dict[str, list[Store]] = request.__dict__
    if "_pandabase_stores" not in known:
        known["_pandabase_stores"] = list(Store.objects.all())
    return [store for store in known["_pandabase_stores"] if store.pk not in hidden]
