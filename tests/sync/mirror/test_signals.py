"""Shops hear what changed, after the commit, once; a receiver that raises harms nobody."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.dispatch import Signal

from pandabase_django import signals
from pandabase_django.models import Order, Product, RowChange, SyncRun
from pandabase_django.sandbox import Sandbox
from tests.sync.conftest import Sync

pytestmark = pytest.mark.django_db(transaction=True)

HEARD = (
    signals.product_synced,
    signals.order_synced,
    signals.order_status_changed,
    signals.sync_finished,
)


class Ear:
    """Notes what is sent, and whether it was sent after the commit."""

    def __init__(self) -> None:
        self.heard: list[tuple[Signal, dict[str, Any]]] = []
        self.inside_a_transaction = False

    def __call__(self, signal: Signal, sender: type, **arguments: Any) -> None:
        self.inside_a_transaction |= connection.in_atomic_block
        self.heard.append((signal, arguments))

    def of(self, signal: Signal) -> list[dict[str, Any]]:
        return [arguments for heard, arguments in self.heard if heard is signal]


def broken(sender: type, **_: Any) -> None:
    raise RuntimeError("a receiver of the shop fails")


@pytest.fixture
def ear() -> Iterator[Ear]:
    listening = Ear()
    for signal in HEARD:
        signal.connect(broken)
        signal.connect(listening)
    yield listening
    for signal in HEARD:
        signal.disconnect(broken)
        signal.disconnect(listening)


def test_a_first_sync_is_silent_and_a_quiet_one_sends_its_end_alone(sync: Sync, ear: Ear) -> None:
    for resource in ("products", "orders"):
        sync(resource)
    assert ear.heard == []
    for resource in ("products", "orders"):
        sync(resource)
    assert [signal for signal, _ in ear.heard] == [signals.sync_finished] * 2


def test_products_tell_what_changed_when_they_come_change_go_and_return(
    sandbox: Sandbox, sync: Sync, ear: Ear
) -> None:
    sync("products")
    (edited,) = sandbox.change(
        [{"op": "edit_product", "index": 9, "fields": {"price": 4242, "title": "Neu"}}]
    )
    (gone,) = sandbox.change([{"op": "delete_product", "index": 4}])
    (new,) = sandbox.change([{"op": "create_product"}])
    sync("products")
    told = {
        a["product"].pk: (a["created"], set(a["changed"])) for a in ear.of(signals.product_synced)
    }
    assert told == {
        edited: (False, {"price_minor", "title"}),
        gone: (False, {"gone_at"}),
        new: (True, set()),
    }
    ear.heard.clear()
    sandbox.change([{"op": "undelete_product", "index": 4}])
    sync("products")
    (back,) = ear.of(signals.product_synced)
    assert (back["product"].pk, back["created"], back["changed"]) == (gone, False, ("gone_at",))
    assert back["product"].gone_at is None
    assert not ear.inside_a_transaction


def test_orders_tell_what_changed_and_from_which_status(
    sandbox: Sandbox, sync: Sync, ear: Ear
) -> None:
    sync("orders")
    (pk,) = sandbox.change([{"op": "edit_order", "index": 3, "fields": {"status": "COMPLETED"}}])
    sync("orders", full=True)
    ear.heard.clear()
    sandbox.change([{"op": "refund_order", "id": pk}])
    (new,) = sandbox.change([{"op": "create_order", "status": "PENDING"}])
    sync("orders")
    told = {a["order"].pk: (a["created"], set(a["changed"])) for a in ear.of(signals.order_synced)}
    created, changed = told[pk]
    assert not created
    assert {"status", "payment_status", "updated_at"} <= changed
    assert told[new][0] is True
    (moved,) = ear.of(signals.order_status_changed)
    assert (moved["order"].pk, moved["old"], moved["new"]) == (pk, "COMPLETED", "REFUNDED")
    assert not ear.inside_a_transaction


def test_who_interrupts_a_receiver_takes_nothing_back_that_was_committed(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    sandbox.change([{"op": "refund_order", "index": index} for index in (3, 5)])

    def interrupt(sender: type, **_: Any) -> None:
        raise KeyboardInterrupt

    signals.order_synced.connect(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            sync("orders")
    finally:
        signals.order_synced.disconnect(interrupt)
    run = SyncRun.objects.latest("pk")
    assert run.state == "CANCELLED"
    # Notes of the refunds are the run's too; its numbers are of orders.
    changes = RowChange.objects.filter(run_id=run.pk, model_name="order")
    assert run.rows_updated == changes.count() > 0


def test_a_receiver_that_raises_is_reported_and_stops_nobody(
    sandbox: Sandbox, sync: Sync, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    sync("products")
    sandbox.change([{"op": "edit_product", "index": 9, "fields": {"price": 4242}}])
    with caplog.at_level(logging.ERROR, logger="pandabase_django.signals"):
        run = sync("products").run
    assert run.state == "COMPLETED"
    assert len(ear.of(signals.product_synced)) == 1
    assert len(ear.of(signals.sync_finished)) == 1
    reports = [record for record in caplog.records if record.name == "pandabase_django.signals"]
    assert [record.getMessage() for record in reports] == [
        "A signal receiver failed: tests.sync.mirror.test_signals.broken"
    ] * 2
    assert all(record.exc_info for record in reports)


def test_a_batch_that_is_rolled_back_is_not_announced(
    sandbox: Sandbox, sync: Sync, ear: Ear
) -> None:
    sync("products")
    sandbox.change([{"op": "edit_product", "index": 9, "fields": {"price": 4242}}])

    def cancel(run: SyncRun) -> None:
        if run.rows_updated:
            SyncRun.objects.filter(pk=run.pk).update(cancel_requested_at=run.started_at)
            raise RuntimeError("dies inside the transaction")

    with pytest.raises(RuntimeError):
        sync("products", on_progress=cancel)
    assert ear.of(signals.product_synced) == []
    assert Product.objects.filter(price_minor=4242).count() == 0
    sync("products")
    assert len(ear.of(signals.product_synced)) == 1


def test_a_run_that_fails_tells_its_end_too(sandbox: Sandbox, sync: Sync, ear: Ear) -> None:
    sync("orders")
    sandbox.revoke_token(sandbox.hmac_token.token_id)
    sync("orders")
    (finished,) = ear.of(signals.sync_finished)
    assert finished["run"].state == "FAILED"
    assert Order.objects.count() == 230


def test_a_run_that_an_unexpected_error_ends_tells_its_end_too(sync: Sync, ear: Ear) -> None:
    sync("orders")

    def fail(run: SyncRun) -> None:
        if run.state == "RUNNING":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sync("orders", on_progress=fail)
    (finished,) = ear.of(signals.sync_finished)
    assert (finished["run"].pk, finished["run"].state) == (SyncRun.objects.first().pk, "FAILED")


def test_a_dry_run_announces_nothing(sandbox: Sandbox, sync: Sync, ear: Ear) -> None:
    for resource in ("products", "orders"):
        sync(resource)
    sandbox.change(
        [
            {"op": "edit_product", "index": 9, "fields": {"price": 4242}},
            {"op": "delete_product", "index": 4},
            {"op": "refund_order", "index": 3},
        ]
    )
    for resource in ("products", "orders"):
        sync(resource, dry_run=True)
    assert ear.heard == []
