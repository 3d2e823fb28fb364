"""One row is read again because a person asked for it, and that is noted."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from pandabase_django.exceptions import LeaseHeld
from pandabase_django.models import Order, Product, RowChange, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync import lease as leases
from pandabase_django.services.sync.refresh import refresh_row
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences, product_differences

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user_id() -> Any:
    return User.objects.create_user("anna").pk


def test_an_order_is_refreshed(sandbox: Sandbox, sync: Sync, user_id: Any) -> None:
    sync("orders")
    (pk, *_) = sandbox.change([{"op": "refund_order", "index": 3}])
    before = sandbox.requests_served
    refresh_row("order", pk, user_id=user_id)
    assert sandbox.requests_served == before + 1
    assert Order.objects.get(pk=pk).status == "REFUNDED"
    assert order_differences(sandbox) == []
    change = RowChange.objects.get(row_id=pk)
    assert (change.user_id, change.run_id, change.delivery_id) == (user_id, None, "")


def test_a_product_is_refreshed_and_leaves_no_run(
    sandbox: Sandbox, sync: Sync, user_id: Any
) -> None:
    sync("products")
    runs = SyncRun.objects.count()
    pk = sandbox.change([{"op": "edit_product", "index": 2, "fields": {"title": "New name"}}])[0]
    refresh_row("product", pk, user_id=user_id)
    assert Product.objects.get(pk=pk).title == "New name"
    assert product_differences(sandbox) == []
    assert SyncRun.objects.count() == runs
    change = RowChange.objects.get(row_id=pk)
    assert (change.user_id, change.kind) == (user_id, "CHANGED")
    assert "title" in change.columns


def test_a_product_that_is_gone_becomes_a_tombstone(
    sandbox: Sandbox, sync: Sync, user_id: Any
) -> None:
    sync("products")
    (pk, *_) = sandbox.change([{"op": "delete_product", "index": 2}])
    refresh_row("product", pk, user_id=user_id)
    assert Product.objects.get(pk=pk).gone_at is not None
    assert RowChange.objects.filter(row_id=pk).latest("pk").kind == "GONE"


def test_a_product_that_came_back_is_not_buried_after_one_list_without_it(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("products")
    (pk, *_) = sandbox.change([{"op": "hide_product", "index": 2}])  # unlisted, though it exists
    assert [sync("products").run.rows_gone > 0 for _ in range(2)] == [False, True]
    refresh_row("product", pk)
    assert Product.objects.get(pk=pk).gone_at is None
    assert [sync("products").run.rows_gone > 0 for _ in range(2)] == [False, True]


def test_a_product_waits_for_the_sync_that_reads_it(store: Store, sync: Sync) -> None:
    sync("products")
    leases.acquire(store_id=store.pk, resource="products")
    with pytest.raises(LeaseHeld):
        refresh_row("product", Product.objects.all()[0].pk)


def test_a_row_that_is_not_here_is_nothing_to_do(store: Store) -> None:
    refresh_row("order", "ord_none")
    refresh_row("product", "prd_none")
