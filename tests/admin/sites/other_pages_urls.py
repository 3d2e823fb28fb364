"""The admin of a shop whose people see a second store, but not all that belongs to it.

``settings.KEPT`` are the models whose rows of that store their own pages keep, and
``settings.KEPT_BY`` how the shop wrote that: ``view``, ``rows``, or ``nobody`` for not at all.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import path

from tests.admin.rows import store_of

__all__ = ["KEPT_STORE", "urlpatterns"]

KEPT_STORE = "shp_kept"


def is_kept(model_admin: admin.ModelAdmin[Any], way: str) -> bool:
    return way == settings.KEPT_BY and model_admin.model._meta.model_name in settings.KEPT


class ByView(admin.ModelAdmin):  # type: ignore[type-arg]
    """As docs/admin.md says it for stores."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        asked = obj is not None and is_kept(self, "view")
        if asked and store_of(obj) == KEPT_STORE:
            return False
        return super().has_view_permission(request, obj)


class ByRows(admin.ModelAdmin):  # type: ignore[type-arg]
    """As Django has it, for rules that are finer."""

    store_lookup: str

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.exclude(**{self.store_lookup: KEPT_STORE}) if is_kept(self, "rows") else rows


site = admin.AdminSite(name="admin")
for model, model_admin in admin.site._registry.items():
    bases: tuple[type, ...] = (type(model_admin),)
    if model._meta.app_label == "pandabase":
        bases = (ByView, ByRows, *bases)
    site.register(model, type(f"Keeping{model.__name__}Admin", bases, {}))

urlpatterns = [path("admin/", site.urls)]
