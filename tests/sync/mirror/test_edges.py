"""The tasks and the command, around the sync itself: which stores, how thoroughly, what is told."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import Any

import pytest
from celery.exceptions import Retry
from django.core.management.base import OutputWrapper

from pandabase_django import tasks
from pandabase_django.management import live_line
from pandabase_django.models import Store, SyncCursor, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.run import lease as leases
from tests.commands import pandabase_sync

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 5, "orders": 10, "categories": 2}


def refuse(sandbox: Sandbox, path: str, status: int) -> None:
    """Answer every GET of this path with a status, without end."""
    match = {"method": "GET", "path_regex": path}
    args = {"status": status}
    sandbox.fault([{"match": match, "times": 0, "action": "status", "args": args}])


def test_a_disabled_store_is_left_alone_unless_it_is_named(
    sandbox: Sandbox, store: Store, broker: Any
) -> None:
    other = Store.objects.create(id="shp_disabled_one", enabled=False)
    assert tasks.sync_all() == [store.pk]
    Store.objects.filter(pk=store.pk).update(enabled=False)
    assert tasks.sync_all() == []
    before = sandbox.requests_served
    assert pandabase_sync()[0] == 2
    assert sandbox.requests_served == before
    Store.objects.filter(pk=other.pk).update(enabled=True)
    pandabase_sync()[0]
    assert set(SyncRun.objects.values_list("store_id", flat=True)) == {other.pk}
    assert pandabase_sync("--store", store.pk)[0] == 0


@pytest.mark.parametrize("resource", ["products", "orders"])
@pytest.mark.parametrize("full", [True, False])
def test_a_full_sync_that_is_asked_for_is_a_full_one(
    store: Store, resource: str, full: bool, broker: Any
) -> None:
    task = {"products": tasks.sync_products, "orders": tasks.sync_orders}[resource]
    arguments = ["--full"] if full else []
    for _ in range(2):
        assert pandabase_sync("--resource", resource, *arguments)[0] == 0
        assert task.apply(args=[store.pk], kwargs={"full": full}).get() == "COMPLETED"
    assert set(SyncRun.objects.values_list("resource", "full")) == {(resource, full)}
    if resource == "orders":
        first_steps = [run.steps[0]["strategy"] for run in SyncRun.objects.order_by("pk")][1:]
        assert first_steps == ["orders: full pass" if full else "orders: new ones"] * 3
    tasks.sync_store(store.pk, full=full)
    assert [broker().payload[1]["full"] for _ in range(2)] == [full] * 2


def test_a_task_delivered_again_waits_for_the_lease_of_its_killed_worker(
    store: Store, broker: Any
) -> None:
    lease = leases.acquire(store_id=store.pk, resource="orders")
    task = tasks.sync_orders
    first = {"id": "first", "args": [store.pk], "kwargs": {"full": True}, "retries": 0}
    task.push_request(**first, called_directly=False, delivery_info={"redelivered": True})
    try:
        with pytest.raises(Retry):
            task.run(store.pk, full=True)
    finally:
        task.pop_request()
    message = broker()
    assert (message.headers["task"], message.payload[0]) == (task.name, [store.pk])
    assert message.payload[1] == {"full": True}
    lease_until = SyncCursor.objects.get().lease_until
    assert lease_until is not None
    assert datetime.fromisoformat(message.headers["eta"]) >= lease_until
    lease.release()
    assert task.apply(args=[store.pk]).get() == "COMPLETED"


@pytest.mark.usefixtures("short_backoff")
def test_an_order_that_can_not_be_read_makes_the_command_exit_with_4(
    sandbox: Sandbox, store: Store
) -> None:
    (order,) = sandbox.change([{"op": "edit_order", "index": 3}])
    refuse(sandbox, f"/orders/{order}$", 500)
    assert pandabase_sync()[0] == 4
    assert set(SyncRun.objects.values_list("resource", "state")) == {
        ("products", "COMPLETED"),
        ("orders", "PARTIAL"),
    }
    sandbox.clear_faults()
    assert pandabase_sync()[0] == 0


@pytest.mark.parametrize(("products", "orders"), [(401, 403), (403, 401)])
@pytest.mark.fact(9)
def test_a_refused_credential_is_told_before_what_was_left_out(
    sandbox: Sandbox, store: Store, products: int, orders: int
) -> None:
    refuse(sandbox, "/products$", products)
    refuse(sandbox, "/orders$", orders)
    assert pandabase_sync("--resource", "products" if products == 403 else "orders")[0] == 4
    assert pandabase_sync()[0] == 3


def test_a_log_file_hears_of_a_long_run_every_few_seconds(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(live_line.time, "monotonic", lambda: now)
    told = io.StringIO()
    line = live_line.LiveLine(OutputWrapper(told), quiet=False)
    at = datetime.now(timezone.utc)
    run = SyncRun(store=store, resource="orders", started_at=at, heartbeat_at=at)
    for _ in range(60):
        now += 1
        line.show_run(run)
    assert 6 <= len(told.getvalue().splitlines()) <= 30
