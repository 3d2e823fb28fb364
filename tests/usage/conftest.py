"""Subscriptions by usage, at a sandbox and here."""

from __future__ import annotations

from typing import Any

import pytest

from pandabase_django.models import Store, Subscription
from pandabase_django.sandbox import Sandbox
from tests.sync.world import sync_of
from tests.usage.world import EVENTS

__all__ = ["subscription", "subscriptions"]


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 3, "orders": 0}


@pytest.fixture
def subscriptions(sandbox: Sandbox, store: Store) -> list[Subscription]:
    """Three: the first two are of one product, so that the same meters count both."""
    for product in (0, 1):
        for event in EVENTS:
            sandbox.change([{"op": "create_meter", "product": product, "event": event}])
    made: list[str] = []
    for product in (0, 0, 1):
        made += sandbox.change([{"op": "create_subscription", "product": product}])
    sync_of(store, "subscriptions")
    return [Subscription.objects.get(pk=pk) for pk in made]


@pytest.fixture
def subscription(subscriptions: list[Subscription]) -> Subscription:
    return subscriptions[0]
