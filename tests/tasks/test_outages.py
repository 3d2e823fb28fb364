"""The remote is away for an hour: few requests and records, one finding, and noticed when back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pandabase_django import tasks
from pandabase_django.models import RemoteOutage, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.health.report import attention
from tests.connecting import connect

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("short_backoff")]

Messages = Callable[[], list[Any]]


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 3, "orders": 5}


def go_away(sandbox: Sandbox) -> None:
    match = {"method": "GET", "path_regex": "."}
    sandbox.fault([{"match": match, "times": 0, "action": "status", "args": {"status": 503}}])


def pass_time(seconds: float) -> None:
    """As if it were later: what is kept of the outage lies further back."""
    earlier = timedelta(seconds=seconds)
    for outage in RemoteOutage.objects.all():
        RemoteOutage.objects.filter(pk=outage.pk).update(
            since=outage.since - earlier,
            last_tried_at=outage.last_tried_at - earlier,
            next_try_at=outage.next_try_at - earlier,
        )


def sync(store: Store, resource: str, **options: Any) -> str:
    task = {"products": tasks.sync_products, "orders": tasks.sync_orders}[resource]
    state: str = task.apply(args=[store.pk], kwargs=options).get()
    return state


def test_an_hour_costs_one_finding_few_requests_and_a_record_for_each_sync(
    sandbox: Sandbox, store: Store, waiting_messages: Messages
) -> None:
    go_away(sandbox)
    before = sandbox.requests_served
    for _ in range(60):
        for resource in ("products", "orders"):
            sync(store, resource)
        pass_time(60)
    assert SyncRun.objects.count() == 2
    tried = sandbox.requests_served - before
    # Each minute, resource and retry would be 600. Orders ask three lists before they end.
    assert 5 * 10 <= tried <= 5 * 40
    away = [f for f in attention(Situation()) if f.code in ("remote_away", "run_failed")]
    assert [f.code for f in away] == ["remote_away"]
    assert waiting_messages()
    sandbox.clear_faults()
    pass_time(300)
    assert sync(store, "orders") == "COMPLETED"
    assert sync(store, "products") == "COMPLETED"
    assert not RemoteOutage.objects.exists()
    assert [f.code for f in attention(Situation()) if f.code == "remote_away"] == []


def test_while_it_is_away_a_message_waits_for_the_next_try(
    sandbox: Sandbox, store: Store, waiting_messages: Messages
) -> None:
    go_away(sandbox)
    sync(store, "products")
    sync(store, "orders")
    assert len(waiting_messages()) == 2
    before = sandbox.requests_served
    assert sync(store, "orders") == "SKIPPED"
    assert sandbox.requests_served == before
    (message,) = waiting_messages()
    assert message.headers["eta"]
    tasks.sync_store(store.pk)
    assert [m.headers["task"] for m in waiting_messages()] == []


def test_one_sync_tries_at_a_time(
    sandbox: Sandbox, store: Store, waiting_messages: Messages
) -> None:
    go_away(sandbox)
    sync(store, "products")
    sync(store, "orders")
    pass_time(300)
    RemoteOutage.objects.update(next_try_at=timezone.now() + timedelta(seconds=30))
    assert sync(store, "products") == "SKIPPED"


def test_what_a_person_asks_for_is_tried_at_once(
    sandbox: Sandbox, store: Store, waiting_messages: Messages
) -> None:
    go_away(sandbox)
    sync(store, "products")
    sync(store, "orders")
    assert sync(store, "orders", trigger="ADMIN") == "FAILED"
    sandbox.clear_faults()
    assert sync(store, "orders", trigger="ADMIN") == "COMPLETED"
    assert sync(store, "products") == "COMPLETED"


def test_one_broken_endpoint_holds_nothing_else_back(
    sandbox: Sandbox, store: Store, waiting_messages: Messages
) -> None:
    match = {"method": "GET", "path_regex": "/orders"}
    sandbox.fault([{"match": match, "times": 0, "action": "status", "args": {"status": 500}}])
    assert sync(store, "orders") == "FAILED"
    for _ in range(3):
        assert sync(store, "products") == "COMPLETED"
    assert sync(store, "orders") == "SKIPPED"
    said = [f.code for f in attention(Situation()) if f.code in ("remote_away", "run_failed")]
    assert said == ["run_failed"]


def test_no_connection_at_all_holds_every_store_of_the_host_back(
    waiting_messages: Messages, db: None
) -> None:
    with Sandbox(seed=1, products=1, orders=1) as sandbox:
        store = connect(sandbox).store
    assert sync(store, "products") == "FAILED"
    assert sync(store, "orders") == "SKIPPED"
    assert SyncRun.objects.count() == 1
