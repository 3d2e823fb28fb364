"""What becomes of a delivery that fails: waits, dead letters, claims, replays, and its end."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from pandabase_django.events import Event, on_event
from pandabase_django.models import (
    ApiToken,
    Order,
    Store,
    WebhookDelivery,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.attempts.claims import CLAIM
from pandabase_django.services.attempts.schedule import BACKOFF, MAX_ATTEMPTS
from pandabase_django.services.tokens.rates import CacheRateState
from pandabase_django.services.webhooks import process, queue
from pandabase_django.services.webhooks.process import process_delivery
from tests.conftest import store
from tests.sync.equality import order_differences
from tests.webhooks.conftest import Arrive
from tests.webhooks.processing.conftest import change, make_due

__all__ = ["store"]

pytestmark = pytest.mark.django_db


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


def test_a_limit_holds_no_worker_and_uses_up_no_attempt(
    sandbox: Sandbox, synced: Store, arrive: Arrive
) -> None:
    cache.clear()
    first, second = (arrive(order.pk) for order in Order.objects.order_by("pk")[:2])
    WebhookDelivery.objects.update(attempts=MAX_ATTEMPTS - 1)
    CacheRateState().block(f"store:{synced.pk}", time.time() + 20)
    served, began = sandbox.requests_served, time.monotonic()
    for delivery in (first, second):
        done = process_delivery(delivery.pk)
        assert (done.failed, done.dead) == (1, 0)
        assert 15 < (done.retry_after_seconds or 0) < 21
        delivery.refresh_from_db()
        assert (delivery.attempts, delivery.state) == (MAX_ATTEMPTS - 1, "PENDING")
        assert "limit of the store" in delivery.last_error
    assert time.monotonic() - began < 5
    assert sandbox.requests_served == served
    # One that is met by the delivery's own request is the same; one that ends soon is waited for.
    cache.clear()
    make_due()
    args = {"status": 429, "retry_after_seconds": 30}
    sandbox.fault([{"match": {"path_regex": first.order_id}, "action": "status", "args": args}])
    assert process_delivery(first.pk).failed == 1
    cache.clear()
    make_due()
    CacheRateState().block(f"store:{synced.pk}", time.time() + 0.5)
    assert process_delivery(first.pk).finished == process_delivery(second.pk).finished == 1
    cache.clear()


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
