"""One message waits for each store and resource, however long no worker comes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pandabase_django import tasks
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import (
    ApiToken,
    RotationAttempt,
    Store,
    SyncCursor,
    SyncRun,
    WebhookDelivery,
    WebhookEndpoint,
)
from pandabase_django.services.attempts.waiting import LOST_AFTER
from pandabase_django.services.sync.run import queued
from tests.brokers import broker_at

pytestmark = pytest.mark.django_db(transaction=True)

Messages = Callable[[], list[Any]]


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 3, "orders": 5}


def names(messages: list[Any]) -> list[str]:
    return sorted(message.headers["task"] for message in messages)


def test_six_ticks_of_five_stores_leave_one_message_for_each_resource(
    db: None, waiting_messages: Messages
) -> None:
    for number in range(5):
        Store.objects.create(pk=f"shp_{number}")
    for _ in range(6):
        tasks.sync_all()
        tasks.archive_request_logs()
    found = waiting_messages()
    assert Counter(names(found)) == {
        "pandabase.sync_products": 5,
        "pandabase.sync_orders": 5,
        "pandabase.fetch_request_logs": 5,
    }
    limit = timezone.now() + timedelta(seconds=600)
    for message in found:
        assert datetime.fromisoformat(message.headers["expires"]) <= limit


def test_a_rotation_that_the_broker_refuses_stays_to_be_run(db: None) -> None:
    store = Store.objects.create(pk="shp_1")
    token = ApiToken.objects.create(
        store=store,
        name="T",
        mode="BEARER",
        base_url="http://127.0.0.1:9",
        secret=Secret("sk_1234567890"),
    )
    long_ago = timezone.now() - timedelta(minutes=10)
    row = {"token": token, "from_version": 1, "reason": "x", "trigger": "ADMIN"}
    attempt = RotationAttempt.objects.create(prepared_at=long_ago, **row)
    with broker_at("redis://127.0.0.1:9/0"):
        assert tasks.watch_rotations() == 1
    attempt.refresh_from_db()
    assert attempt.state == "PREPARED"


def test_a_tick_costs_the_same_queries_for_any_number_of_stores(
    db: None, waiting_messages: Messages
) -> None:
    def queries() -> list[int]:
        costs = []
        for tick in (tasks.sync_all, tasks.archive_request_logs):
            tick()  # the first makes the rows
            SyncCursor.objects.update(scheduled_waits_until=None)
            with CaptureQueriesContext(connection) as asked:
                tick()
            costs.append(len(asked))
        return costs

    Store.objects.create(pk="shp_0")
    few = queries()
    for number in range(1, 20):
        Store.objects.create(pk=f"shp_{number}")
    waiting_messages()
    assert queries() == few
    assert Counter(names(waiting_messages())) == {
        "pandabase.sync_products": 40,
        "pandabase.sync_orders": 40,
        "pandabase.fetch_request_logs": 40,
    }


@pytest.mark.postgres
def test_two_ticks_at_once_send_each_message_once(db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    stores = [f"shp_{number}" for number in range(30)]
    Store.objects.bulk_create(Store(pk=pk) for pk in stores)
    barrier = threading.Barrier(4)

    def claim(_: int) -> list[tuple[str, str]]:
        try:
            barrier.wait(10)
            return list(queued.claim(stores, ["orders"], trigger="SCHEDULE", seconds=60))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        claimed = [key for keys in pool.map(claim, range(4)) for key in keys]
    assert sorted(claimed) == sorted((pk, "orders") for pk in stores)


def test_a_broker_that_is_down_is_asked_once_and_blocks_nothing(
    db: None, waiting_messages: Messages, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(5):
        Store.objects.create(pk=f"shp_{number}")
    with broker_at("redis://127.0.0.1:9/0"):
        tasks.sync_all()
    assert caplog.text.count("could not be enqueued") == 1
    tasks.sync_all()
    assert len(waiting_messages()) == 10


def test_deliveries_that_nobody_takes_leave_one_valid_message_each(
    store: Store, waiting_messages: Messages
) -> None:
    endpoint = WebhookEndpoint.objects.create(store=store)
    at = timezone.now() - timedelta(hours=1)
    for number in range(3):
        WebhookDelivery.objects.create(
            endpoint=endpoint, event_id=f"evt_{number}", received_at=at, next_attempt_at=at
        )
    for _ in range(4):
        WebhookDelivery.objects.update(enqueued_at=at)  # two minutes have gone by
        assert tasks.sweep_webhooks() == 3
    found = [datetime.fromisoformat(message.headers["expires"]) for message in waiting_messages()]
    assert len(found) == 12
    assert max(found) <= timezone.now() + LOST_AFTER


def test_a_message_that_was_lost_or_has_expired_blocks_nothing_for_longer(
    store: Store, waiting_messages: Messages
) -> None:
    tasks.sync_store(store.pk)
    assert len(waiting_messages()) == 2
    tasks.sync_store(store.pk)
    assert waiting_messages() == []
    past = timezone.now() - timedelta(seconds=1)
    SyncCursor.objects.update(scheduled_waits_until=past)
    tasks.sync_store(store.pk)
    assert len(waiting_messages()) == 2


def test_a_task_that_begins_lets_the_next_one_wait(
    store: Store, waiting_messages: Messages
) -> None:
    tasks.sync_store(store.pk)
    assert len(waiting_messages()) == 2
    assert tasks.sync_orders.apply(args=[store.pk]).get() == "COMPLETED"
    tasks.sync_store(store.pk)
    assert names(waiting_messages()) == ["pandabase.sync_orders"]


def test_what_does_more_stands_for_what_does_less_and_not_the_reverse(
    store: Store, waiting_messages: Messages
) -> None:
    def sent(**options: Any) -> int:
        tasks.sync_store(store.pk, **options)
        return len(waiting_messages())

    admin = SyncRun.Trigger.ADMIN.value
    assert sent() == 2
    assert sent(trigger=admin) == 2
    assert sent(trigger=admin) == 0
    assert sent(trigger=admin, full=True) == 2
    assert sent(full=True) == 0
    SyncCursor.objects.update(scheduled_waits_until=None, asked_waits_until=None)
    assert sent() == sent(trigger=admin) == 0


def test_without_a_broker_nothing_counts_as_waiting(
    store: Store, waiting_messages: Messages
) -> None:
    with broker_at("redis://127.0.0.1:9/0"):
        tasks.sync_store(store.pk)
    tasks.sync_store(store.pk)
    assert len(waiting_messages()) == 2
