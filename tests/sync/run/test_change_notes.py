"""Which rows a run wrote, and in which columns, can be told afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from pandabase_django.models import Order, Product, RowChange, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.run.change_notes import ChangeNotes, prune_changes
from pandabase_django.services.sync.run.recorder import Recorder
from tests.sync.conftest import Sync

pytestmark = pytest.mark.django_db(transaction=True)


def noted(run: SyncRun) -> set[tuple[str, str, str]]:
    return set(run.changes.values_list("model_name", "row_id", "kind"))


def test_a_first_sync_notes_nothing(sync: Sync) -> None:
    sync("products")
    sync("orders")
    assert Order.objects.exists()
    assert not RowChange.objects.exists()


def test_a_run_notes_the_rows_it_wrote_and_the_columns_that_moved(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    sync("products")
    (refunded, *_) = sandbox.change([{"op": "refund_order", "index": 3}])
    run = sync("orders").run
    (change,) = run.changes.filter(row_id=refunded)
    assert (change.model_name, change.kind, change.store_id) == ("order", "CHANGED", run.store_id)
    assert {"status", "payment_status"} <= set(change.columns)
    assert not {"payload", "digest", "synced_at"} & set(change.columns)
    assert sync("orders").run.changes.count() == 0


def test_a_new_order_is_noted_once_as_new(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    created = sandbox.change([{"op": "create_order"}, {"op": "create_order"}])
    run = sync("orders").run
    orders = {pk for name, pk, kind in noted(run) if (name, kind) == ("order", "CREATED")}
    assert orders == {pk for pk in created if pk.startswith("ord_")}
    assert run.changes.filter(model_name="order").count() == 2


def test_a_row_that_went_is_noted_as_gone(sandbox: Sandbox, sync: Sync) -> None:
    sync("products")
    (deleted, *_) = sandbox.change([{"op": "delete_product", "index": 5}])
    for _ in range(3):
        sync("products", full=True)
    assert Product.objects.get(pk=deleted).gone_at is not None
    assert RowChange.objects.get(row_id=deleted, model_name="product").kind == "GONE"


def test_a_note_falls_with_the_transaction_of_its_row(sync: Sync) -> None:
    run = sync("orders").run
    with transaction.atomic():
        ChangeNotes(store_id=run.store_id, run_id=run.pk).went([(Order, "ord_1")])
        transaction.set_rollback(True)
    assert not RowChange.objects.exists()


def test_a_dry_run_notes_nothing(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    sandbox.change([{"op": "refund_order", "index": 3}])
    sync("orders", dry_run=True)
    assert not RowChange.objects.exists()


def test_a_run_asks_for_attention_in_a_paragraph_at_most() -> None:
    run = SyncRun()
    recorder = Recorder(run, on_progress=lambda run: None)
    recorder.attend("x" * 2000)
    assert run.attention == "x" * 1000 + " …"
    run.attention = ""
    for number in range(100_000):
        recorder.attend(f"The remote lists order ord_{number} and does not find it.")
    assert 900 < len(run.attention) <= 1002
    assert run.attention.endswith("it. …")


def test_old_notes_are_pruned(sync: Sync) -> None:
    run = sync("orders").run
    notes = ChangeNotes(store_id=run.store_id, run_id=run.pk)
    notes.went((Order, f"ord_{number}") for number in range(5))
    old = RowChange.objects.filter(row_id__in=["ord_0", "ord_1"])
    old.update(at=timezone.now() - timedelta(days=91))
    assert prune_changes() == 2
    assert RowChange.objects.count() == 3
