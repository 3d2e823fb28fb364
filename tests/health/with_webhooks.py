"""URLs of a shop that takes webhooks, somewhere deep in its own."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("shop/", include([path("pandabase/", include("pandabase_django.urls"))]))]
