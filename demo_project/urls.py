"""The shop, the admin beside it, and what the app answers."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

__all__ = ["urlpatterns"]

urlpatterns = [
    path("admin/", admin.site.urls),
    path("pandabase/", include("pandabase_django.urls")),
    path("", include("demo_project.shop.urls")),
]
