"""A shop that has mounted the URLs at odd places."""

from __future__ import annotations

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

urlpatterns = [
    path("é%20b/", include("pandabase_django.urls", namespace="second")),
    *i18n_patterns(path("odd/", include("pandabase_django.urls"))),
]
