"""A worker keeps what it has claimed for as long as the shop's own code takes, and no longer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from pandabase_django import signals
from pandabase_django.events import Event, on_event
from pandabase_django.models import Order, Store, SyncRun, WebhookDelivery
from pandabase_django.observing.logs import about
from pandabase_django.services.attempts import claims
from pandabase_django.services.attempts.schedule import Processed
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.webhooks import queue
from pandabase_django.services.webhooks.process import process_delivery
from tests.conftest import store
from tests.webhooks.conftest import Arrive

__all__ = ["store"]

pytestmark = pytest.mark.django_db(transaction=True)

SHORT = timedelta(seconds=0.5)


@pytest.fixture(autouse=True)
def _short_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims that run out within a test."""
    monkeypatch.setattr(claims, "CLAIM", SHORT)
    monkeypatch.setattr(claims, "RENEWED_AFTER_SECONDS", 0.1)


def in_a_worker(work: Callable[[], Processed]) -> Processed:
    try:
        return work()
    finally:
        connection.close()


class Away:
    """A row whose database is out of reach."""

    pk, attempts = 1, 1

    class objects:
        @staticmethod
        def filter(**_: Any) -> Any:
            raise OperationalError


def test_a_claim_that_is_not_renewed_names_the_store(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pandabase_django")
    with about(store="shp_1"), claims.Renewal([Away()]).meanwhile():
        time.sleep(0.3)
    assert {vars(record)["store"] for record in caplog.records} == {"shp_1"}


@pytest.mark.parametrize("who", ["handler", "receiver"])
def test_long_code_of_the_shop_keeps_all_claims_of_its_order(
    store: Store, arrive: Arrive, who: str
) -> None:
    if who == "handler" and connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, and a handler is one")
    sync_resource(store, resource="orders", trigger=SyncRun.Trigger.COMMAND)
    order = Order.objects.order_by("pk")[0]
    first, second = (arrive(order.pk, "PAYMENT_PENDING") for _ in range(2))
    begun, called = threading.Event(), []

    def take_long(event: Event, **_: Any) -> None:
        begun.set()
        called.append(event.id)
        time.sleep(4 * SHORT.total_seconds())

    if who == "handler":
        on_event("PAYMENT_PENDING")(take_long)
    else:
        signals.webhook_received.connect(take_long)
    try:
        with ThreadPoolExecutor(1) as workers:
            working = workers.submit(in_a_worker, lambda: process_delivery(first.pk))
            assert begun.wait(30)
            while not working.done():
                # The messages of both were lost, and another worker looks for something to do.
                WebhookDelivery.objects.update(enqueued_at=None)
                assert queue.due_deliveries() == []
                assert process_delivery(second.pk) == Processed()
                time.sleep(0.05)
            assert working.result().finished == 2
    finally:
        signals.webhook_received.disconnect(take_long)
    assert called == [first.event_id, second.event_id]
    assert set(WebhookDelivery.objects.values_list("state", "attempts")) == {("PROCESSED", 1)}


def test_a_worker_that_was_cut_off_for_long_does_not_take_its_claim_back(arrive: Arrive) -> None:
    delivery = arrive("")
    mine = WebhookDelivery.objects.filter(pk=delivery.pk)
    assert claims.claim(mine)
    renewal = claims.Renewal(mine)
    time.sleep(0.2)
    until = timezone.now() + timedelta(hours=1)
    mine.update(attempts=2, next_attempt_at=until)  # another worker has it by now
    renewal()
    assert mine.get().next_attempt_at == until


WAIT_FOR_LOCKS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


@pytest.mark.postgres
def test_of_workers_that_meet_at_a_locked_delivery_one_claims_it(
    store: Store, arrive: Arrive
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    sync_resource(store, resource="orders", trigger=SyncRun.Trigger.COMMAND)
    delivery = arrive(Order.objects.order_by("pk")[0].pk, "PAYMENT_PENDING")
    workers = 3
    with ThreadPoolExecutor(workers) as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            WebhookDelivery.objects.select_for_update().get(pk=delivery.pk)
            working = [
                pool.submit(in_a_worker, lambda: process_delivery(delivery.pk))
                for _ in range(workers)
            ]
            waiting, until = 0, time.monotonic() + 30
            while waiting < workers:
                assert time.monotonic() < until, "they do not wait for the row"
                time.sleep(0.02)
                # A transaction sees one state of these figures otherwise.
                cursor.execute("SELECT pg_stat_clear_snapshot()")
                cursor.execute(WAIT_FOR_LOCKS)
                (waiting,) = cursor.fetchone()
        done = [worker.result() for worker in working]
    assert sum(one.finished for one in done) == 1
    assert WebhookDelivery.objects.values_list("state", "attempts").get() == ("PROCESSED", 1)
