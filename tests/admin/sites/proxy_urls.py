"""The admin of a shop that registers proxies of our models alone, with our admin classes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.test.utils import isolate_apps
from django.urls import path

__all__ = ["PROXIES", "site", "urlpatterns"]

site = admin.AdminSite(name="admin")
PROXIES: dict[str, Any] = {}

with isolate_apps("pandabase_django"):
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label != "pandabase":
            site.register(model, type(model_admin))
            continue
        meta = type("Meta", (), {"proxy": True, "app_label": "pandabase"})
        proxy = type(f"Our{model.__name__}", (model,), {"Meta": meta, "__module__": __name__})
        assert issubclass(proxy, models.Model)
        site.register(proxy, type(model_admin))
        PROXIES[str(model._meta.model_name)] = proxy

urlpatterns = [path("admin/", site.urls)]
