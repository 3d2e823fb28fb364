"""The admin is all there is to see."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

__all__ = ["urlpatterns"]

urlpatterns = [
    path("admin/", admin.site.urls),
    path("pandabase/", include("pandabase_django.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
