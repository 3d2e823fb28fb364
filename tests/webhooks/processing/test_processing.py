"""Deliveries are worked off: the order's own state wins, whatever came, how often, in any order."""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from pandabase_django.models import (
    Customer,
    Order,
    OrderItem,
    RowChange,
    Store,
    SyncRun,
    WebhookDelivery,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.refresh import fetch_order
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.webhooks import queue
from pandabase_django.services.webhooks.process import process_delivery
from tests.conftest import store
from tests.sync.equality import order_differences
from tests.webhooks.conftest import Arrive
from tests.webhooks.processing.conftest import change

__all__ = ["store"]

pytestmark = pytest.mark.django_db

SOAK = int(os.environ.get("PANDABASE_SOAK_SEEDS", "0"))


def without_marks(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Dirty marks only ever grow; nothing else of a row that did not change may move."""
    return [{name: v for name, v in row.items() if name != "dirty_mark"} for row in rows]


def orders_requested(sandbox: Sandbox, since: int) -> list[str]:
    return [
        entry["path"].rpartition("/")[2]
        for entry in sandbox.requests(since=since)
        if "/orders/ord_" in entry["path"]
    ]


@pytest.mark.fact(34)
def test_a_refund_is_here_as_soon_as_its_delivery_is_worked_off(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    order_id = change(sandbox, op="refund_order", index=3)
    assert order_differences(sandbox) != []
    delivery = arrive(order_id, "PAYMENT_REFUNDED")
    assert process_delivery(delivery.pk).finished == 1
    assert order_differences(sandbox) == []
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("PROCESSED", 1)
    assert delivery.finished_at is not None
    note = RowChange.objects.get(row_id=order_id)
    assert note.delivery_id == str(delivery.pk)


@pytest.mark.fact(34)
def test_what_a_delivery_claims_of_an_order_is_not_believed(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    order = Order.objects.order_by("pk")[0]
    delivery = arrive(order.pk, "PAYMENT_PENDING", status="REFUNDED", amount=1)
    process_delivery(delivery.pk)
    assert order_differences(sandbox) == []


def test_an_order_that_is_not_known_yet_is_inserted(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    order_id = change(sandbox, op="create_order", status="COMPLETED")
    process_delivery(arrive(order_id).pk)
    assert order_differences(sandbox) == []
    assert OrderItem.objects.filter(order_id=order_id).exists()
    assert Customer.objects.filter(orders=order_id).exists()
    run = sync_resource(synced, resource="orders", trigger=SyncRun.Trigger.COMMAND).run
    assert run.state == "COMPLETED"
    assert order_differences(sandbox) == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_workers_that_meet_at_a_new_order_end_with_its_newest_state(
    sandbox: Sandbox, store: Store
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    workers = 6
    sandbox.set(latency_ms=5)
    for _ in range(5):
        order_id = change(sandbox, op="create_order", status="PENDING")
        barrier = threading.Barrier(workers)

        def work(number: int, order_id: str = order_id, barrier: Any = barrier) -> None:
            try:
                barrier.wait(30)
                if number == 0:
                    change(sandbox, op="set_order_status", id=order_id, status="PROCESSING")
                fetch_order(store, order_id)
            finally:
                connection.close()

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(workers)))
    ours = set(Order.objects.values_list("pk", flat=True))
    wrong = [line for line in order_differences(sandbox) if line.split(":")[0] in ours]
    assert len(ours) == 5
    assert wrong == []


def test_an_order_of_another_store_is_not_touched(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    other = Store.objects.create(pk="shp_other")
    order = Order.objects.order_by("pk")[0]
    Order.objects.filter(pk=order.pk).update(store=other, status="KEEP")
    delivery = arrive(order.pk)
    assert process_delivery(delivery.pk).failed == 1
    order.refresh_from_db()
    assert (order.store_id, order.status) == (other.pk, "KEEP")


def test_several_deliveries_of_one_order_fetch_it_once(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    order_id = change(sandbox, op="refund_order", index=3)
    rows = [arrive(order_id, "PAYMENT_REFUNDED") for _ in range(5)]
    other = arrive(Order.objects.exclude(pk=order_id)[0].pk)
    since = sandbox.requests_served
    assert process_delivery(rows[2].pk).finished == 5
    for row in rows:
        assert process_delivery(row.pk).finished == 0
    assert orders_requested(sandbox, since) == [order_id, "refunds"]
    assert WebhookDelivery.objects.get(state="PENDING").pk == other.pk
    assert order_differences(sandbox) == []


def test_events_without_an_order_fetch_none_and_unknown_events_nothing(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    order_id = Order.objects.order_by("pk")[0].pk
    since = sandbox.requests_served
    (made,) = sandbox.change([{"op": "create_subscription"}])
    subscription = arrive("", "SUBSCRIPTION_RENEWED", id=made)
    unknown = arrive(order_id, "BRAND_NEW")
    for row in (subscription, unknown):
        process_delivery(row.pk)
        row.refresh_from_db()
    assert (subscription.state, unknown.state) == ("PROCESSED", "IGNORED")
    asked = [one["path"].rpartition("/")[2] for one in sandbox.requests(since=since)]
    assert asked == [made]


@pytest.mark.fact(34)
@pytest.mark.parametrize("seed", range(max(6, SOAK)))
def test_any_order_and_any_repetition_ends_in_the_same_rows(
    sandbox: Sandbox, synced: Store, arrive: Arrive, seed: int
) -> None:
    """Changes at the remote, deliveries about them in disorder, replayed, lost and repeated."""
    random_ = random.Random(seed)
    told: list[tuple[str, str, str]] = []
    for number in range(12):
        op = random_.choice(["refund_order", "dispute_order", "set_order_status", "create_order"])
        what: dict[str, Any] = {"op": op, "index": random_.randrange(12)}
        if op == "create_order":
            what = {"op": op, "status": random_.choice(["PENDING", "COMPLETED"])}
        elif op == "set_order_status":
            what["status"] = random_.choice(["PROCESSING", "COMPLETED", "CANCELLED"])
        told.append((f"evt_{number}", change(sandbox, **what), "PAYMENT_COMPLETED"))
        if random_.random() < 0.3:  # some are worked off while others are still to come
            event_id, order_id, event = random_.choice(told)
            process_delivery(arrive(order_id, event, event_id=event_id).pk)
    sent = told * 2
    random_.shuffle(sent)
    ids = [arrive(order_id, event, event_id=event_id).pk for event_id, order_id, event in sent]
    random_.shuffle(ids)
    for pk in ids:
        process_delivery(pk)
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"PROCESSED"}
    assert WebhookDelivery.objects.count() == len(told)
    assert order_differences(sandbox) == []
    before = without_marks(Order.objects.order_by("pk").values())
    replayed = queue.replay(ids)
    random_.shuffle(replayed)
    for pk in replayed:
        process_delivery(pk)
    assert without_marks(Order.objects.order_by("pk").values()) == before
    assert order_differences(sandbox) == []


def test_every_permutation_of_four_deliveries_ends_in_the_same_rows(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    created = change(sandbox, op="create_order", status="COMPLETED")
    refunded = change(sandbox, op="refund_order", index=3)
    told = [
        (created, "PAYMENT_PENDING"),
        (created, "PAYMENT_COMPLETED"),
        (refunded, "PAYMENT_COMPLETED"),
        (refunded, "PAYMENT_REFUNDED"),
    ]
    ends = []
    for permutation in itertools.permutations(told):
        OrderItem.objects.filter(order_id=created).delete()
        Order.objects.filter(pk=created).delete()
        for order_id, event in permutation:
            process_delivery(arrive(order_id, event).pk)
        ends.append(order_differences(sandbox))
    assert len(ends) == 24
    assert ends == [[]] * 24
