"""What the app answers beside the admin: ``path("pandabase/", include("pandabase_django.urls"))``.

Deliveries and probes may come with or without a slash at the end, so both are named: APPEND_SLASH
would redirect, a redirected POST loses its body, and some probes take a redirect for success.
"""

from __future__ import annotations

from django.urls import path

from pandabase_django.views.checkout import (
    checkout_pay,
    checkout_return,
    checkout_start,
    checkout_status,
)
from pandabase_django.views.health import live, ready
from pandabase_django.views.metrics import metrics
from pandabase_django.views.webhooks import webhook

__all__ = ["app_name", "urlpatterns"]

app_name = "pandabase"
urlpatterns = [
    path("webhooks/<str:endpoint_id>", webhook, name="webhook"),
    path("webhooks/<str:endpoint_id>/", webhook),
    path("health/live", live, name="health-live"),
    path("health/live/", live),
    path("health/ready", ready, name="health-ready"),
    path("health/ready/", ready),
    path("metrics", metrics, name="metrics"),
    path("metrics/", metrics),
    path("checkout/start/", checkout_start, name="checkout-start"),
    path("checkout/<str:public_id>/", checkout_pay, name="checkout-pay"),
    path("checkout/<str:public_id>/return/", checkout_return, name="checkout-return"),
    path("checkout/<str:public_id>/status/", checkout_status, name="checkout-status"),
]
