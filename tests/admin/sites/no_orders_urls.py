"""The admin of a shop whose rule by object hides every order, and nothing else."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import path

from pandabase_django.admin import OrderAdmin
from pandabase_django.models import Order

__all__ = ["urlpatterns"]


class NoOrder(OrderAdmin):
    """Decides by the object, as Django documents it."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_view_permission(request, obj)


site = admin.AdminSite(name="admin")
for model, model_admin in admin.site._registry.items():
    site.register(model, NoOrder if model is Order else type(model_admin))

urlpatterns = [path("admin/", site.urls)]
