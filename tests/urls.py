"""URLs of the test project."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("licenses/", include("pandabase_django.licenses.urls")),
    path("pandabase/", include("pandabase_django.urls")),
]
