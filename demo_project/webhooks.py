"""Webhooks of the demo: an endpoint at the sandbox, and a refund to watch arrive.

The refund is asked for in another terminal; what it needs to know stands in a file of the demo's.
"""

from __future__ import annotations

import json
import os
import socket
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.urls import reverse

from pandabase_django.models import Order, Store, WebhookEndpoint
from pandabase_django.services.webhooks.registration import register

__all__ = [
    "Refund",
    "ask_sandbox",
    "note_where_it_runs",
    "receive_webhooks",
    "refund",
    "send_again",
    "site_of_running_demo",
]

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


def site_of_running_demo(file: Path) -> str:
    """Address of the demo that left this note; "" when there is none, or it was killed."""
    try:
        running = json.loads(file.read_text())
        where = urlsplit(running["control_url"])
        socket.create_connection((where.hostname, where.port), timeout=2).close()
    except (OSError, ValueError):
        return ""
    return str(running["site"])


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
        else Order.objects.paid().order_by("-created_at")
    )
    order = rows.first()
    if order is None:
        raise LookupError(order_id or "a completed order")
    change = [{"op": "refund_order", "id": order.pk}]
    started = time.monotonic()
    ask_sandbox(f"{running['control_url']}/changes", change)
    seconds = None
    while time.monotonic() - started < PATIENCE_SECONDS:
        order.refresh_from_db()
        if order.status == "REFUNDED":
            seconds = time.monotonic() - started
            break
        time.sleep(0.1)
    page = running["site"] + reverse("admin:pandabase_order_change", args=[order.pk])
    return Refund(order_id=order.pk, page=page, status=order.status, seconds=seconds)


def send_again(control_url: str) -> None:
    """Have the sandbox deliver all of its events once more, and wait until they have arrived.

    Raises:
        OSError: The sandbox does not answer.
    """
    for event in sorted({delivery["event_id"] for delivery in _deliveries(control_url)}):
        ask_sandbox(f"{control_url}/deliveries", {"event": event})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(one["state"] == "WAITING" for one in _deliveries(control_url)):
        if time.monotonic() > deadline:
            raise TimeoutError("Deliveries are still on their way.")
        time.sleep(0.1)


def _deliveries(control_url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask_sandbox(f"{control_url}/deliveries")["data"]
    return found


def ask_sandbox(url: str, body: Any = None) -> Any:
    """Call the sandbox's control address.

    Raises:
        OSError: It does not answer, or refuses.
    """
    request = urllib.request.Request(  # noqa: S310  the sandbox of this machine
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.loads(answer.read())
