"""A shop with an admin of its own, under another name, beside Django's."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

__all__ = ["site", "urlpatterns"]

site = admin.AdminSite(name="backoffice")
for model, model_admin in admin.site._registry.items():
    site.register(model, type(model_admin))

urlpatterns = [path("admin/", admin.site.urls), path("backoffice/", site.urls)]
