"""What changes seldom is synced by messages of its own, some times a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from pandabase_django import tasks
from pandabase_django.models import (
    Coupon,
    Customer,
    LedgerEntry,
    License,
    Payout,
    Refund,
    Store,
    Subscription,
    SyncRun,
)
from pandabase_django.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 3, "orders": 120}


def test_a_tick_leaves_one_message_for_each_store_and_resource(
    db: None, waiting_messages: Callable[[], list[Any]]
) -> None:
    for number in range(3):
        Store.objects.create(pk=f"shp_{number}", enabled=number > 0)
    for _ in range(2):
        assert tasks.sync_seldom() == ["shp_1", "shp_2"]
    found = waiting_messages()
    assert Counter(message.headers["task"] for message in found) == {"pandabase.sync_resource": 12}
    asked = sorted((m.payload[0][0], m.payload[1]["resource"]) for m in found)
    assert asked == [
        (store, resource)
        for store in ("shp_1", "shp_2")
        for resource in ("coupons", "customers", "ledger", "licenses", "payouts", "subscriptions")
    ]


def test_each_message_syncs_its_resource(sandbox: Sandbox, store: Store) -> None:
    for resource, model in (
        ("customers", Customer), ("ledger", LedgerEntry), ("payouts", Payout), ("coupons", Coupon),
        ("refunds", Refund), ("subscriptions", Subscription), ("licenses", License),
    ):  # fmt: skip
        assert tasks.sync_resource(store.pk, resource) == SyncRun.State.COMPLETED
        assert model.objects.count() == len(sandbox.dump(resource)) > 0
