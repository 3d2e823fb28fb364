"""One sweeper at a time; one that overslept writes nothing."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from pandabase_django import signals
from pandabase_django.exceptions import LeaseHeld, LeaseLost
from pandabase_django.models import Order, OrderItem, Product, Store, SyncCursor, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.orders.details import fetching
from pandabase_django.services.sync.orders.details.writing import (
    Detailed,
    mark_dirty,
    write_details,
)
from pandabase_django.services.sync.readings import append
from pandabase_django.services.sync.run import lease as leases
from pandabase_django.services.sync.run import reader, recorder
from pandabase_django.services.sync.runs import reap_stalled_runs
from pandabase_django.services.tokens.clients import client_for
from pandabase_django.tasks import sync_orders
from tests.sync.conftest import Sync

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bare_store() -> Store:
    return Store.objects.create(id="shp_lease")


def test_a_held_lease_names_its_holder_and_its_end(bare_store: Store) -> None:
    leases.acquire(store_id=bare_store.pk, resource="orders")
    with pytest.raises(LeaseHeld) as caught:
        leases.acquire(store_id=bare_store.pk, resource="orders")
    assert caught.value.holder == leases.holder_name()
    assert 0 < (caught.value.retry_after_seconds or 0) <= 60
    leases.acquire(store_id=bare_store.pk, resource="products")


def test_a_released_lease_is_free_at_once(bare_store: Store) -> None:
    leases.acquire(store_id=bare_store.pk, resource="orders").release()
    leases.acquire(store_id=bare_store.pk, resource="orders")


def test_whoever_overslept_writes_nothing(bare_store: Store) -> None:
    stale = leases.acquire(store_id=bare_store.pk, resource="orders")
    SyncCursor.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    fresh = leases.acquire(store_id=bare_store.pk, resource="orders")
    with pytest.raises(LeaseLost):
        _write_under(stale)
    stale.release()
    assert leases.look(store_id=bare_store.pk, resource="orders").held
    fresh.guard()
    assert Store.objects.get().note == ""


def _write_under(lease: leases.Lease) -> None:
    with transaction.atomic():
        lease.guard()
        Store.objects.update(note="written by the stale worker")


def test_a_sweep_whose_lease_was_taken_stops_and_the_next_run_finishes(
    sandbox: Sandbox, sync: Sync
) -> None:
    stolen = False

    def steal(run: SyncRun) -> None:
        nonlocal stolen
        if not stolen:
            stolen = True
            SyncCursor.objects.update(fence=99, lease_until=timezone.now() - timedelta(seconds=1))

    result = sync("orders", on_progress=steal)
    assert isinstance(result.error, LeaseLost)
    assert sync("orders").run.state == "COMPLETED"
    assert Order.objects.filter(dirty=True).count() == 0


def test_a_command_waits_for_the_lease_to_end(bare_store: Store) -> None:
    leases.acquire(store_id=bare_store.pk, resource="orders")
    waits: list[tuple[str, float]] = []

    def sleep(_: float) -> None:
        SyncCursor.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    leases.wait_for(
        store_id=bare_store.pk,
        resource="orders",
        on_wait=lambda holder, left: waits.append((holder, left)),
        sleep=sleep,
    )
    assert len(waits) == 1


def test_a_lease_that_is_renewed_all_the_time_is_not_waited_for_without_end(
    bare_store: Store,
) -> None:
    lease = leases.acquire(store_id=bare_store.pk, resource="orders")
    with pytest.raises(LeaseHeld):
        leases.wait_for(
            store_id=bare_store.pk,
            resource="orders",
            on_wait=lambda holder, left: None,
            sleep=lambda _: lease.guard(),
        )


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_receivers_that_take_their_time_do_not_let_the_lease_run_out(
    sandbox: Sandbox, sync: Sync, monkeypatch: pytest.MonkeyPatch, resource: str
) -> None:
    sync(resource)
    monkeypatch.setattr(reader, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(recorder, "HEARTBEAT_SECONDS", 0.05)
    held_until: list[datetime | None] = []

    def slow(sender: type, **_: Any) -> None:
        held_until.append(SyncCursor.objects.get(resource=resource).lease_until)
        time.sleep(0.1)

    what = {"products": (signals.product_synced, Product), "orders": (signals.order_synced, Order)}
    signal, model = what[resource]
    edits = [{"op": f"edit_{resource[:-1]}", "index": i, "fields": {}} for i in range(12)]
    for edit in edits:
        edit["fields"] = {"price": 5} if resource == "products" else {"amount": 5}
    sandbox.change(edits)
    signal.connect(slow, sender=model)
    try:
        # All of them are written in one batch.
        assert sync(resource, full=True).run.state == "COMPLETED"
    finally:
        signal.disconnect(slow, sender=model)
    assert len(held_until) == 12
    assert len(set(held_until)) >= 6


def test_signals_of_committed_rows_go_out_though_the_lease_is_lost(
    sandbox: Sandbox, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync("products")
    monkeypatch.setattr(reader, "TICK_SECONDS", 0.0)
    monkeypatch.setattr(recorder, "HEARTBEAT_SECONDS", 0.0)
    heard: list[str] = []

    def steal(sender: type, product: Product, **_: Any) -> None:
        heard.append(product.pk)
        SyncCursor.objects.update(fence=99)

    sandbox.change([{"op": "edit_product", "index": i, "fields": {"price": 5}} for i in range(5)])
    signals.product_synced.connect(steal)
    try:
        result = sync("products")
    finally:
        signals.product_synced.disconnect(steal)
    assert len(heard) == 5
    assert isinstance(result.error, LeaseLost)


def test_an_older_answer_never_overwrites_a_newer_one(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    store = Store.objects.get()
    pk = sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": 1}}])[0]
    with client_for(store) as client:
        older = client.orders.get(pk)
        sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": 2}}])
        newer = client.orders.get(pk)
    for answer in (newer, older):
        with transaction.atomic():
            write_details([Detailed(order=answer, mark=1)], store_id=store.pk, silent=True)
    assert Order.objects.get(pk=pk).amount_minor == 2


def test_a_writer_stopped_inside_its_transaction_locks_its_orders_no_longer_than_a_lease(
    sandbox: Sandbox, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no row locks, and a busy time-out of its own")
    sync("orders")
    store = Store.objects.get()
    pk = sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": 1}}])[0]
    with client_for(store) as client:
        answer = client.orders.get(pk)
    monkeypatch.setattr(leases, "LEASE", timedelta(seconds=1))
    stopped, go_on = threading.Event(), threading.Event()
    ends: list[Exception] = []

    def write_and_stop() -> None:
        try:
            with transaction.atomic():
                write_details([Detailed(order=answer, mark=1)], store_id=store.pk, silent=True)
                stopped.set()
                go_on.wait(120)
                Order.objects.exists()
        except DatabaseError as error:
            ends.append(error)
        finally:
            connection.close()

    writer = threading.Thread(target=write_and_stop)
    writer.start()
    assert stopped.wait(30)
    began = time.monotonic()
    mark_dirty(Order.objects.filter(pk=pk))  # waits for the row
    assert time.monotonic() - began < 60
    go_on.set()
    writer.join()
    assert len(ends) == 1
    assert Order.objects.get(pk=pk).amount_minor != 1


def test_a_mark_made_while_the_details_were_read_stays(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    store = Store.objects.get()
    pk = sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": 1}}])[0]
    mark_dirty(Order.objects.filter(pk=pk))
    read_mark = Order.objects.get(pk=pk).dirty_mark
    with client_for(store) as client:
        answer = client.orders.get(pk)
    mark_dirty(Order.objects.filter(pk=pk))
    with transaction.atomic():
        write_details([Detailed(order=answer, mark=read_mark)], store_id=store.pk, silent=True)
    assert Order.objects.get(pk=pk).dirty is True
    assert sync("orders").run.state == "COMPLETED"
    assert Order.objects.get(pk=pk).dirty is False


def test_runs_without_a_sign_of_life_are_closed(bare_store: Store) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    dead = SyncRun.objects.create(
        store=bare_store,
        resource="orders",
        trigger="COMMAND",
        started_at=long_ago,
        heartbeat_at=long_ago,
    )
    alive = SyncRun.objects.create(
        store=bare_store,
        resource="orders",
        trigger="COMMAND",
        started_at=long_ago,
        heartbeat_at=timezone.now(),
    )
    assert reap_stalled_runs() == [dead.pk]
    dead.refresh_from_db()
    alive.refresh_from_db()
    assert (dead.state, alive.state) == ("STALLED", "RUNNING")
    assert (dead.finished_at is None, alive.finished_at is None) == (False, True)


def test_a_cancelled_run_stops_at_the_next_batch(sandbox: Sandbox, sync: Sync) -> None:
    def cancel(run: SyncRun) -> None:
        SyncRun.objects.filter(pk=run.pk).update(cancel_requested_at=timezone.now())

    run = sync("orders", on_progress=cancel).run
    assert run.state == "CANCELLED"
    assert sync("orders").run.state == "COMPLETED"


@pytest.mark.parametrize("phase", ["orders: full pass", "orders: details"])
def test_the_record_of_a_cancelled_run_counts_what_stands_here(
    sandbox: Sandbox, sync: Sync, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    monkeypatch.setattr(append, "PAGES_PER_TRANSACTION", 1)
    monkeypatch.setattr(fetching, "ORDERS_PER_TRANSACTION", 50)

    def cancel(run: SyncRun) -> None:
        if run.phase == phase and run.progress_done >= 100:
            SyncRun.objects.filter(pk=run.pk).update(cancel_requested_at=timezone.now())

    sync("orders", on_progress=cancel)
    run = SyncRun.objects.get()
    assert run.state == "CANCELLED"
    assert run.rows_created == Order.objects.count() + OrderItem.objects.count() > 0
    assert sum(step.get("created", 0) for step in run.steps) == run.rows_created


def test_a_task_returns_when_another_worker_holds_the_lease(sandbox: Sandbox, store: Store) -> None:
    leases.acquire(store_id=store.pk, resource="orders")
    before = sandbox.requests_served
    assert sync_orders.apply(args=[store.pk]).get() == "SKIPPED"
    assert sandbox.requests_served == before
    assert SyncRun.objects.count() == 0
