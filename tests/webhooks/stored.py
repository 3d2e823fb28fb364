"""What came of deliveries, in the order in which they came."""

from __future__ import annotations

from pandabase_django.models import WebhookDelivery

__all__ = ["rows"]


def rows() -> list[WebhookDelivery]:
    return list(WebhookDelivery.objects.order_by("pk"))
