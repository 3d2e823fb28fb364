"""A store with an endpoint, and a broker that only remembers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import reverse

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import Store, WebhookDelivery, WebhookEndpoint
from tests.brokers import broker_at
from tests.handlers import no_handlers
from tests.webhooks.sender import SECRET, payload_of, sign_v2

Arrive = Callable[..., WebhookDelivery]


@pytest.fixture(autouse=True)
def _fresh(nothing_refused: None) -> Iterator[None]:
    with broker_at("memory://"):
        yield


@pytest.fixture
def store(db: None) -> Store:
    return Store.objects.create(pk="shp_webhooks000000000001")


@pytest.fixture
def endpoint(store: Store) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(store=store, label="Shop", secret=Secret(SECRET))


@pytest.fixture
def url(endpoint: WebhookEndpoint) -> str:
    return reverse("pandabase:webhook", args=[endpoint.pk])


@pytest.fixture(autouse=True)
def _no_handlers() -> Iterator[None]:
    with no_handlers():
        yield


@pytest.fixture
def arrive(url: str, endpoint: WebhookEndpoint) -> Arrive:
    """A delivery comes in by the front door; gives its row."""
    numbers = itertools.count(1)

    def send(order_id: str, event: str = "PAYMENT_COMPLETED", **options: Any) -> WebhookDelivery:
        event_id = options.pop("event_id", None) or f"evt_{next(numbers)}"
        payload = payload_of(event, event_id=event_id, order_id=order_id, **options)
        assert sign_v2(payload).post(url).status_code == 200
        return WebhookDelivery.objects.get(event_id=event_id)

    return send
