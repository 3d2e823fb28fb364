"""Webhooks of the demo: an endpoint at the sandbox, and a refund to watch arrive.

The refund is asked for in another terminal; what it needs to know stands in a file of the demo's.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from django.urls import reverse

from pandabase_django.models import Order, Store, WebhookEndpoint
from pandabase_django.services.webhooks.registration import register

__all__ = ["Refund", "note_where_it_runs", "receive_webhooks", "refund"]

LABEL = "Demo endpoint"
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund at the sandbox, seen from here.

    Attributes:
        order_id: The refunded order.
        page: Its page in the admin.
        status: What the local row says now.
        seconds: How long that took; None when it did not change in time.
    """

    order_id: str
    page: str
    status: str
    seconds: float | None


def receive_webhooks(store: Store, *, site: str) -> WebhookEndpoint:
    """Register an endpoint by the Store API, as a shop's owner does by its button."""
    endpoint, _ = WebhookEndpoint.objects.get_or_create(store=store, label=LABEL)
    # The sandbox starts anew each time: what an earlier one had is gone.
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        remote_id="", previous_remote_id="", registration=WebhookEndpoint.Registration.BY_HAND
    )
    register(endpoint, url=site + reverse("pandabase:webhook", args=[endpoint.pk]))
    return endpoint


def note_where_it_runs(file: Path, *, control_url: str, site: str) -> None:
    """Leave a note for ``demo --refund``; the control URL is a key to the sandbox."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as note:
        json.dump({"control_url": control_url, "site": site}, note)


def refund(file: Path, *, order_id: str = "") -> Refund:
    """Refund an order at the sandbox and wait until the local row has changed.

    Args:
        file: The note of the running demo.
        order_id: Which one; "" takes the newest completed one.

    Raises:
        FileNotFoundError: No demo runs.
        OSError: The sandbox does not answer, or refuses.
        LookupError: There is no such order to refund.
    """
    running = json.loads(file.read_text())
    rows = (
        Order.objects.filter(pk=order_id)
        if order_id
        else Order.objects.filter(status="COMPLETED").order_by("-created_at")
    )
    order = rows.first()
    if order is None:
        raise LookupError(order_id or "a completed order")
    change = [{"op": "refund_order", "id": order.pk}]
    request = urllib.request.Request(  # noqa: S310  the sandbox of this machine
        f"{running['control_url']}/changes",
        data=json.dumps(change).encode(),
        headers={"Content-Type": "application/json"},
    )
    started = time.monotonic()
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass
    seconds = None
    while time.monotonic() - started < PATIENCE_SECONDS:
        order.refresh_from_db()
        if order.status == "REFUNDED":
            seconds = time.monotonic() - started
            break
        time.sleep(0.1)
    page = running["site"] + reverse("admin:pandabase_order_change", args=[order.pk])
    return Refund(order_id=order.pk, page=page, status=order.status, seconds=seconds)
