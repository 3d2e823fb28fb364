"""What the app answers beside the admin: ``path("pandabase/", include("pandabase_django.urls"))``.

Deliveries may come with or without a slash at the end, so both are named: APPEND_SLASH would
redirect, and a redirected POST loses its body.
"""

from __future__ import annotations

from django.urls import path

from pandabase_django.views.checkout import (
    checkout_pay,
    checkout_return,
    checkout_start,
    checkout_status,
)
from pandabase_django.views.webhooks import webhook

__all__ = ["app_name", "urlpatterns"]

app_name = "pandabase"
urlpatterns = [
    path("webhooks/<str:endpoint_id>", webhook, name="webhook"),
    path("webhooks/<str:endpoint_id>/", webhook),
    path("checkout/start/", checkout_start, name="checkout-start"),
    path("checkout/<str:public_id>/", checkout_pay, name="checkout-pay"),
    path("checkout/<str:public_id>/return/", checkout_return, name="checkout-return"),
    path("checkout/<str:public_id>/status/", checkout_status, name="checkout-status"),
]
