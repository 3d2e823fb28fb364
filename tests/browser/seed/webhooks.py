"""Endpoints and deliveries."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from pandabase_django.models import Order, WebhookDelivery, WebhookEndpoint
from pandabase_django.sandbox.webhooks.signatures import signed_headers
from pandabase_django.services.webhooks.comparison import compare
from pandabase_django.services.webhooks.process import process_delivery
from pandabase_django.services.webhooks.registration import register
from pandabase_django.services.webhooks.rotation import start_rotation

__all__ = ["fill_webhooks"]


def fill_webhooks(store: Any) -> None:
    """An endpoint that is registered and differs, and deliveries that went well and badly."""
    endpoint = WebhookEndpoint.objects.create(store=store, label="Shop")
    register(endpoint, url=f"https://shop.example/pandabase/webhooks/{endpoint.pk}")
    start_rotation(endpoint)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(event_types=["PAYMENT_REFUNDED"])
    compare(store)
    endpoint.refresh_from_db()
    WebhookEndpoint.objects.create(store=store, label="Made in the dashboard", enabled=False)
    secret = endpoint.secret.reveal()
    orders = list(Order.objects.order_by("-created_at").values_list("pk", flat=True)[:6])
    events = ("PAYMENT_COMPLETED", "PAYMENT_REFUNDED", "SUBSCRIPTION_RENEWED")
    for number, order_id in enumerate(orders * 2):
        deliver(endpoint.pk, secret, number=number, event=events[number % 3], order_id=order_id)
    rows = WebhookDelivery.objects.order_by("pk")
    for delivery in rows[:9]:
        process_delivery(delivery.pk)
    failed = {"attempts": 8, "last_error": "HTTP 503: the remote is unavailable."}
    WebhookDelivery.objects.filter(pk=rows[3].pk).update(
        state="DEAD", next_attempt_at=None, **failed
    )
    WebhookDelivery.objects.filter(pk=rows[9].pk).update(
        state="PENDING",
        next_attempt_at=timezone.now() + timedelta(hours=2),
        attempts=3,
        last_error="Raised: shop.pandabase_events.hand_out_key_for_order (LookupError: 'no key')",
    )
    deliver(endpoint.pk, secret, number=90, event="PAYMENT_DISPUTED", order_id="ord_unknown")
    for number in range(4):
        deliver(endpoint.pk, secret + "x", number=number, event=events[0], order_id=orders[0])
    for number in range(5):
        late = {"skew_seconds": -430 - number, "order_id": orders[0]}
        deliver(endpoint.pk, secret, number=number, event=events[0], **late)
    deliver(endpoint.pk, secret, number=1, event=events[0], order_id=orders[0], version="V1")
    deliver("0" * 40, secret, number=1, event=events[0], order_id=orders[0])


def deliver(
    endpoint_id: str,
    secret: str,
    *,
    number: int,
    event: str,
    order_id: str,
    skew_seconds: int = 0,
    version: str = "V2",
) -> None:
    """One delivery, signed by the sandbox's code, through the shop's own view."""
    identity = f"evt_{number:024d}"
    payload = {
        "event": event,
        "id": identity,
        "timestamp": "2026-11-24T12:00:00.000Z",
        "data": {"order": {"id": order_id, "status": "COMPLETED"}, "customer": {}, "geo": {}},
    }
    body = json.dumps(payload).encode()
    headers = signed_headers(
        secret,
        version=version,
        reading="text",
        event_id=identity,
        job=f"whk_1/{number}",
        at_ms=int((time.time() + skew_seconds) * 1000),
        body=body,
    )
    Client(headers={"host": "127.0.0.1"}).post(
        f"/pandabase/webhooks/{endpoint_id}",
        data=body,
        content_type="application/json",
        headers={"User-Agent": "Pandabase-Webhooks/2.0", **headers},
    )
