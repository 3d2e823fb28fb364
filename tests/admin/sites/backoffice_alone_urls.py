"""A shop whose only admin has another name."""

from __future__ import annotations

from django.urls import path

from tests.admin.sites.backoffice_urls import site

__all__ = ["urlpatterns"]

urlpatterns = [path("backoffice/", site.urls)]
