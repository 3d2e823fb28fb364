"""What changes seldom is synced by messages of its own, some times a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

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
    WebhookDelivery,
    WebhookEndpoint,
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


def test_licences_are_read_soon_after_orders_changed(
    sandbox: Sandbox, store: Store, waiting_messages: Callable[[], list[Any]]
) -> None:
    """Once they were read at all: a token may not be allowed to."""

    def asked() -> list[str]:
        found = (message.payload[1].get("resource") for message in waiting_messages())
        return [name for name in found if name]

    tasks.sync_orders(store.pk)
    assert asked() == []
    tasks.sync_resource(store.pk, "licenses")
    sandbox.change([{"op": "create_order"}])
    tasks.sync_orders(store.pk)
    assert asked() == ["licenses"]
    tasks.sync_resource(store.pk, "licenses")
    tasks.sync_orders(store.pk)
    assert asked() == []


def test_licences_are_read_soon_after_a_delivery_of_a_payment(
    sandbox: Sandbox, store: Store, waiting_messages: Callable[[], list[Any]]
) -> None:
    tasks.sync_resource(store.pk, "licenses")
    endpoint = WebhookEndpoint.objects.create(store=store, label="Shop")
    (order_id,) = sandbox.change([{"op": "create_order"}])
    for event, soon in (("PAYMENT_PENDING", []), ("PAYMENT_COMPLETED", ["licenses"])):
        delivery = WebhookDelivery.objects.create(
            endpoint=endpoint,
            event_id=f"evt_{event}",
            event=event,
            order_id=order_id,
            payload={},
            received_at=timezone.now(),
            next_attempt_at=timezone.now(),
        )
        tasks.process_webhook(delivery.pk)
        found = [message.payload[1].get("resource") for message in waiting_messages()]
        assert [name for name in found if name] == soon
