"""The admin of a shop whose people may see one of its two stores."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import path

from tests.admin.rows import store_of

__all__ = ["HIDDEN_STORE", "site", "urlpatterns"]

HIDDEN_STORE = "shp_zweitladen"


class SomeStores(admin.ModelAdmin):  # type: ignore[type-arg]
    """What a shop would write: the one method that Django documents for this."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and store_of(obj) == HIDDEN_STORE:
            return False
        return super().has_view_permission(request, obj)


site = admin.AdminSite(name="admin")
for model, model_admin in admin.site._registry.items():
    bases: tuple[type, ...] = (type(model_admin),)
    if model._meta.app_label == "pandabase":
        bases = (SomeStores, *bases)
    site.register(model, type(f"Some{model.__name__}Admin", bases, {}))

urlpatterns = [path("admin/", site.urls)]
