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
from pandabase_django.tasks import sync_messages
from pandabase_django.tasks.broker import Message, held_back
from pandabase_django.testing.clock import Clock
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


def served(messages: list[Any], *, at_most: int) -> list[tuple[str, str]]:
    """What workers come to before the rest expires, and complete."""
    done = []
    for message in messages[:at_most]:
        resource = message.headers["task"].removeprefix("pandabase.sync_")
        (store_id,) = message.payload[0]
        named = {"store_id": store_id, "resource": resource}
        queued.begin(**named, trigger="SCHEDULE", full=False)
        SyncCursor.objects.filter(**named).update(last_completed_at=timezone.now())
        done.append((store_id, resource))
    return done


def test_where_workers_do_a_third_of_all_each_store_is_served_each_third_time(
    db: None, waiting_messages: Messages
) -> None:
    for number in range(6):
        Store.objects.create(pk=f"shp_{number}")
    clock = Clock()
    with clock.running():
        for _ in range(3):
            done: Counter[tuple[str, str]] = Counter()
            for _ in range(3):
                tasks.sync_all()
                done.update(served(waiting_messages(), at_most=4))
                clock.pass_time(timedelta(seconds=600))
            assert len(done) == 12
            assert set(done.values()) == {1}


def sixty_stores() -> None:
    Store.objects.bulk_create(Store(pk=f"shp_{number:02}") for number in range(60))


def asked(messages: list[Message]) -> list[tuple[str, str]]:
    return [
        (message.args[0], message.task.name.removeprefix("pandabase.sync_"))
        for message in messages
        if message.task.name != "pandabase.sync_rest"
    ]


def test_a_tick_of_many_stores_leaves_room_in_the_queue(db: None) -> None:
    sixty_stores()
    sent: list[Message] = []
    with held_back(sent.append):
        tasks.sync_all.apply()
        assert len(sent) == 101
        rest = sent[50]  # so that fifty more wait while a worker comes to it
        assert rest.task.name == "pandabase.sync_rest"
        tasks.sync_all.apply()
        assert len(sent) == 101  # what is not in the queue yet waits as well
        tasks.sync_rest(*rest.args)
    assert len(sent) == 121
    assert len(set(asked(sent))) == 120


def test_what_a_tick_had_no_time_for_is_first_in_the_next(db: None) -> None:
    sixty_stores()
    sent: list[Message] = []
    clock = Clock()
    with held_back(sent.append), clock.running():
        tasks.sync_all.apply()
        rest = sent[50]
        for store_id, resource in asked(sent):
            row = {"store_id": store_id, "resource": resource}
            queued.begin(**row, trigger="SCHEDULE", full=False)
        clock.pass_time(timedelta(seconds=600))
        sent.clear()
        tasks.sync_rest(*rest.args)
        assert sent == []
        tasks.sync_all.apply()
    left = {(store_id, resource) for store_id, resource in rest.args[0]}
    assert len(left) == 20
    assert set(asked(sent[:20])) == left


@pytest.mark.parametrize("waiting", [30, 80])
def test_a_broker_that_refuses_the_rest_of_a_tick_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    asked_for: list[Any] = []

    def refused(task: Any, *args: Any, **kwargs: Any) -> bool:
        asked_for.append(args)
        return False

    monkeypatch.setattr(sync_messages, "enqueue", refused)
    until = timezone.now().timestamp() + 60
    tasks.sync_rest([[f"shp_{number}", "orders"] for number in range(waiting)], until)
    assert len(asked_for) == 1


def test_a_store_that_fails_goes_behind_those_that_no_worker_came_to(
    db: None, waiting_messages: Messages
) -> None:
    for number in range(3):
        Store.objects.create(pk=f"shp_{number}")
    queued.claim(["shp_0"], ["orders"], trigger="SCHEDULE", seconds=60)
    queued.begin(store_id="shp_0", resource="orders", trigger="SCHEDULE", full=False)
    queued.claim(["shp_2"], ["orders"], trigger="SCHEDULE", seconds=-60)
    SyncCursor.objects.filter(store="shp_2").update(last_completed_at=timezone.now())
    sent = queued.claim(["shp_0", "shp_1", "shp_2"], ["orders"], trigger="SCHEDULE", seconds=60)
    assert list(sent) == [("shp_2", "orders"), ("shp_0", "orders"), ("shp_1", "orders")]


def test_a_tick_just_before_the_last_messages_expire_sends_them_again(
    db: None, waiting_messages: Messages
) -> None:
    Store.objects.create(pk="shp_1")
    clock = Clock()
    with clock.running():
        tasks.sync_all()
        waiting_messages()  # nobody came to them
        clock.pass_time(timedelta(seconds=599))
        tasks.sync_all()
    assert len(waiting_messages()) == 2


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
