"""The admin of a shop whose people see both of its stores, and change one of them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import path

from tests.admin.rows import store_of
from tests.admin.sites.by_store_urls import HIDDEN_STORE as CLOSED_STORE

__all__ = ["CLOSED_STORE", "urlpatterns"]


class OneStore(admin.ModelAdmin):  # type: ignore[type-arg]
    """What a shop would write: the one method that Django documents for this."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and store_of(obj) == CLOSED_STORE:
            return False
        return super().has_change_permission(request, obj)


site = admin.AdminSite(name="admin")
for model, model_admin in admin.site._registry.items():
    bases: tuple[type, ...] = (type(model_admin),)
    if model._meta.app_label == "pandabase":
        bases = (OneStore, *bases)
    site.register(model, type(f"One{model.__name__}Admin", bases, {}))

urlpatterns = [path("admin/", site.urls)]
