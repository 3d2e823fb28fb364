"""Deliveries are worked off: the order's own state wins, whatever came, how often, in any order."""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from pandabase_django.events import Event, on_event
from pandabase_django.models import (
    ApiToken,
    Customer,
    Order,
    OrderItem,
    RowChange,
    Store,
    SyncRun,
    WebhookDelivery,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.attempts.claims import CLAIM
from pandabase_django.services.attempts.schedule import BACKOFF, MAX_ATTEMPTS
from pandabase_django.services.sync.refresh import fetch_order
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.webhooks import process, queue
from pandabase_django.services.webhooks.process import process_delivery
from tests.sync.equality import order_differences
from tests.webhooks.conftest import Arrive

pytestmark = pytest.mark.django_db

SOAK = int(os.environ.get("PANDABASE_SOAK_SEEDS", "0"))


@pytest.fixture
def store(token: ApiToken) -> Store:
    return token.store


@pytest.fixture
def synced(store: Store) -> Store:
    sync_resource(store, resource="orders", trigger=SyncRun.Trigger.COMMAND)
    return store


def change(sandbox: Sandbox, **change: Any) -> str:
    """Change an order at the remote; gives its id."""
    return next(touched for touched in sandbox.change([change]) if touched.startswith("ord_"))


def without_marks(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Dirty marks only ever grow; nothing else of a row that did not change may move."""
    return [{name: v for name, v in row.items() if name != "dirty_mark"} for row in rows]


def make_due() -> None:
    WebhookDelivery.objects.filter(state="PENDING").update(next_attempt_at=timezone.now())


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


def test_several_deliveries_of_one_order_cost_one_request(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    order_id = change(sandbox, op="refund_order", index=3)
    rows = [arrive(order_id, "PAYMENT_REFUNDED") for _ in range(5)]
    other = arrive(Order.objects.exclude(pk=order_id)[0].pk)
    since = sandbox.requests_served
    assert process_delivery(rows[2].pk).finished == 5
    for row in rows:
        assert process_delivery(row.pk).finished == 0
    assert orders_requested(sandbox, since) == [order_id]
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


def test_a_remote_that_fails_backs_off_and_ends_as_a_dead_letter(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    delivery = arrive("ord_nobody")
    waits = []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        done = process_delivery(delivery.pk)
        delivery.refresh_from_db()
        assert delivery.attempts == attempt
        assert "404" in delivery.last_error
        waits.append(done.retry_after_seconds)
        if attempt < MAX_ATTEMPTS:
            assert delivery.state == "PENDING"
            assert process_delivery(delivery.pk).failed == 0  # not due yet
            make_due()
    assert waits == [*(wait.total_seconds() for wait in BACKOFF), None]
    assert (delivery.state, delivery.next_attempt_at) == ("DEAD", None)
    assert queue.due_deliveries(now=timezone.now() + timedelta(days=9)) == []
    assert process_delivery(delivery.pk).dead == 0


def test_a_dead_letter_is_replayed_when_its_cause_is_gone(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    order_id = change(sandbox, op="refund_order", index=3)
    match = {"method": "GET", "path_regex": order_id}
    sandbox.fault([{"match": match, "times": 0, "action": "status", "args": {"status": 404}}])
    delivery = arrive(order_id)
    WebhookDelivery.objects.update(attempts=MAX_ATTEMPTS - 1)
    assert process_delivery(delivery.pk).dead == 1
    assert Order.objects.get(pk=order_id).dirty, "the next sync reads it as well"
    sandbox.clear_faults()
    assert queue.dead_letters() == [delivery.pk]
    assert queue.replay(queue.dead_letters()) == [delivery.pk]
    assert process_delivery(delivery.pk).finished == 1
    assert order_differences(sandbox) == []


def test_a_store_without_a_token_is_no_error_of_the_task(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    ApiToken.objects.update(role="RETIRED")
    delivery = arrive(Order.objects.order_by("pk")[0].pk)
    assert process_delivery(delivery.pk).failed == 1
    delivery.refresh_from_db()
    assert "active token" in delivery.last_error


def test_a_worker_killed_in_the_middle_gives_its_claim_back(
    sandbox: Sandbox, synced: Store, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    delivery = arrive(Order.objects.order_by("pk")[0].pk)
    with monkeypatch.context() as patch:
        patch.setattr(process, "fetch_order", killed)
        with pytest.raises(Killed):
            process_delivery(delivery.pk)
    assert process_delivery(delivery.pk).finished == 0, "the claim still stands"
    later = timezone.now() + CLAIM + timedelta(seconds=1)
    assert queue.due_deliveries(now=later) == [delivery.pk]
    make_due()
    assert process_delivery(delivery.pk).finished == 1


def test_an_order_that_the_database_refuses_is_told_by_its_delivery(
    sandbox: Sandbox, synced: Store, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        with transaction.atomic():
            Order.objects.create(pk=None, store=synced)

    monkeypatch.setattr(process, "fetch_order", refused)
    delivery = arrive(Order.objects.order_by("pk")[0].pk)
    assert process_delivery(delivery.pk).retry_after_seconds == BACKOFF[0].total_seconds()
    delivery.refresh_from_db()
    assert delivery.last_error == "An unexpected error (IntegrityError); the log has it."


def test_a_delivery_that_kills_each_worker_is_given_up(store: Store, arrive: Arrive) -> None:
    delivery = arrive("")
    WebhookDelivery.objects.update(attempts=MAX_ATTEMPTS)
    process_delivery(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == "DEAD"


def test_one_that_kills_each_worker_takes_no_other_of_its_order_with_it(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    class Killed(BaseException):
        pass

    @on_event("PAYMENT_PROCESSING")
    def kill(event: Event) -> None:
        raise Killed

    order = Order.objects.order_by("pk")[0].pk
    before, killer, after = (
        arrive(order, event)
        for event in ("PAYMENT_PENDING", "PAYMENT_PROCESSING", "PAYMENT_COMPLETED")
    )
    for _ in range(MAX_ATTEMPTS + 1):
        make_due()
        for delivery in (before, killer, after):
            with suppress(Killed):
                process_delivery(delivery.pk)
    states = dict(WebhookDelivery.objects.values_list("pk", "state"))
    assert states == {before.pk: "PROCESSED", killer.pk: "DEAD", after.pk: "PROCESSED"}
    neighbours = WebhookDelivery.objects.exclude(pk=killer.pk)
    # An outage may follow: that must not make dead letters of them either.
    assert max(row.attempts for row in neighbours) <= MAX_ATTEMPTS - 2


def test_the_sweeper_takes_what_is_left_and_not_what_is_worked_on(
    store: Store, arrive: Arrive
) -> None:
    now = timezone.now()
    fresh, lost, refused, later, done = (arrive("") for _ in range(5))
    WebhookDelivery.objects.filter(pk=lost.pk).update(enqueued_at=now - timedelta(minutes=3))
    queue.mark_not_enqueued(refused.pk)
    WebhookDelivery.objects.filter(pk=later.pk).update(
        next_attempt_at=now + timedelta(minutes=1), enqueued_at=None
    )
    WebhookDelivery.objects.filter(pk=done.pk).update(state="PROCESSED", enqueued_at=None)
    assert sorted(queue.due_deliveries()) == sorted([lost.pk, refused.pk])
    assert queue.due_deliveries() == [], "they are noted as enqueued"
    assert fresh.pk in queue.due_deliveries(now=now + timedelta(minutes=2, seconds=1))


def test_a_replay_leaves_what_is_worked_on_to_its_worker(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    delivery = arrive(Order.objects.order_by("pk")[0].pk, "PAYMENT_PROCESSING")
    enqueued = []

    @on_event("PAYMENT_PROCESSING")
    def impatient(event: Event) -> None:
        enqueued.append(queue.replay([delivery.pk]))

    process_delivery(delivery.pk)
    assert enqueued == [[]]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("PROCESSED", 1)


def test_pruning_keeps_what_is_young_or_waits(store: Store, arrive: Arrive) -> None:
    old, young, waiting, dead = (arrive("") for _ in range(4))
    for row in (old, young, dead):
        process_delivery(row.pk)
    long_ago = timezone.now() - timedelta(days=91)
    WebhookDelivery.objects.exclude(pk=young.pk).update(received_at=long_ago)
    WebhookDelivery.objects.filter(pk=dead.pk).update(state="DEAD")
    assert queue.prune() == 2
    assert sorted(WebhookDelivery.objects.values_list("pk", flat=True)) == sorted(
        [young.pk, waiting.pk]
    )
