"""What the app answers beside the admin: ``path("pandabase/", include("pandabase_django.urls"))``.

Deliveries may come with or without a slash at the end, so both are named: APPEND_SLASH would
redirect, and a redirected POST loses its body.
"""

from __future__ import annotations

from django.urls import path

from pandabase_django.views import webhook

__all__ = ["app_name", "urlpatterns"]

app_name = "pandabase"
urlpatterns = [
    path("webhooks/<str:endpoint_id>", webhook, name="webhook"),
    path("webhooks/<str:endpoint_id>/", webhook),
]
