"""Addresses and buttons of the pages of webhooks."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from pandabase_django.models import WebhookEndpoint
from pandabase_django.sandbox import Sandbox
from tests.webhooks.sender import Delivery


def page_of(row: Any, part: str = "change") -> str:
    return reverse(f"admin:pandabase_{row._meta.model_name}_{part}", args=[row.pk])


def address(endpoint: WebhookEndpoint, host: str = "testserver") -> str:
    return f"https://{host}/pandabase/webhooks/{endpoint.pk}"


def press(client: Client, row: Any, button: str, **data: Any) -> str:
    """Press a button; returns the page it leads to."""
    answer = client.post(page_of(row, button), data, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def send(endpoint: WebhookEndpoint, delivery: Delivery) -> int:
    return delivery.post(reverse("pandabase:webhook", args=[endpoint.pk])).status_code


def remote_endpoints(sandbox: Sandbox) -> list[Any]:
    return [item.payload for _, item in sandbox.state.webhooks.every() if not item.deleted]
