"""Two quiet runs end equal, whatever happened before."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from pandabase_django import signals
from pandabase_django.models import Order, OrderItem, Product, Store, SyncCursor, SyncRun
from pandabase_django.sandbox import ALL_PERMISSIONS, Sandbox
from pandabase_django.services.sync.runs import sync_resource
from tests.connecting import connect
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences, product_differences

pytestmark = pytest.mark.django_db(transaction=True)

# The most products that each run reads whole, and more than that.
IDLE = {"seed": 7, "products": 1000, "orders": 230}
IDLE_AND_LARGE = {"seed": 7, "products": 1200, "orders": 1200}


def test_the_first_sync_ends_equal(sandbox: Sandbox, sync: Sync) -> None:
    products, orders = sync("products"), sync("orders")
    assert (products.run.state, orders.run.state) == ("COMPLETED", "COMPLETED")
    assert product_differences(sandbox) == []
    assert order_differences(sandbox) == []
    assert Order.objects.count() == 230


def test_a_second_sync_of_an_unchanged_store_writes_no_row(sandbox: Sandbox, sync: Sync) -> None:
    sync("products")
    sync("orders")
    before = (
        list(Order.objects.order_by("pk").values()),
        list(Product.objects.order_by("pk").values()),
    )
    for full in (False, True):
        for resource in ("products", "orders"):
            run = sync(resource, full=full).run
            assert (run.rows_created, run.rows_updated, run.rows_gone) == (0, 0, 0)
    assert before == (
        list(Order.objects.order_by("pk").values()),
        list(Product.objects.order_by("pk").values()),
    )


@pytest.mark.parametrize("resource", ["products", "orders"])
@pytest.mark.parametrize("sandbox_options", [IDLE, IDLE_AND_LARGE])
@pytest.mark.thorough
def test_an_idle_poll_costs_at_most_twenty_requests_and_twenty_details(
    sandbox: Sandbox, sync: Sync, resource: str
) -> None:
    assert sandbox.dump("refunds")
    assert sandbox.dump("disputes")
    for _ in range(3):  # a large store's first runs read more than later ones
        sync(resource)
    for _ in range(3):
        before = sandbox.requests_served
        run = sync(resource).run
        assert run.requests == sandbox.requests_served - before
        details = requests_of(run, "orders: oldest details")
        assert details == (20 if resource == "orders" else 0)
        assert requests_of(run, "orders: details") == 0
        assert 0 < run.requests - details <= 20
        assert (run.rows_created, run.rows_updated, run.rows_gone) == (0, 0, 0)


def requests_of(run: SyncRun, strategy: str) -> int:
    return sum(step["requests"] for step in run.steps if step["strategy"] == strategy)


@pytest.mark.fact(23)
def test_a_refund_of_an_old_order_is_seen_at_the_next_poll(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    (touched, *_) = sandbox.change([{"op": "refund_order", "index": 3}])
    run = sync("orders").run
    assert order_differences(sandbox) == []
    assert run.rows_updated >= 1, touched


@pytest.mark.parametrize("denied", ["REFUNDS_READ", "DISPUTES_READ"])
def test_late_changes_are_seen_without_the_permission_to_watch_them(
    sandbox: Sandbox, denied: str
) -> None:
    token = sandbox.add_token(permissions=[p for p in ALL_PERMISSIONS if p != denied])
    store = connect(sandbox, token).store
    sync_resource(store, resource="orders", trigger=SyncRun.Trigger.COMMAND)
    sandbox.change([{"op": "refund_order", "index": 5}, {"op": "dispute_order", "index": 9}])
    run = sync_resource(store, resource="orders", trigger=SyncRun.Trigger.COMMAND).run
    assert run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def test_new_changed_and_settled_orders_end_equal(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    sandbox.change(
        [
            {"op": "create_order", "count": 120, "status": "COMPLETED"},
            {"op": "set_order_status", "index": -1, "status": "COMPLETED"},
            {"op": "dispute_order", "index": 11},
        ]
    )
    sync("orders")
    sync("orders")
    assert order_differences(sandbox) == []


def test_products_come_go_change_and_come_back(sandbox: Sandbox, sync: Sync) -> None:
    sync("products")
    (gone, *_) = sandbox.change([{"op": "delete_product", "index": 4}])
    sandbox.change(
        [
            {"op": "create_product", "fields": {"title": "Neu"}},
            {"op": "edit_product", "index": 9, "fields": {"price": 4242}},
        ]
    )
    sync("products")
    assert product_differences(sandbox) == []
    assert Product.objects.get(pk=gone).gone_at is not None
    sandbox.change([{"op": "undelete_product", "index": 4}])
    sync("products")
    assert product_differences(sandbox) == []
    assert Product.objects.get(pk=gone).gone_at is None


def test_categories_that_are_their_own_ancestors_are_kept_as_they_are(
    sandbox: Sandbox, sync: Sync
) -> None:
    first, second = (category["id"] for category in sandbox.dump("categories")[:2])
    sandbox.change(
        [
            {"op": "edit_category", "id": first, "fields": {"parentId": second}},
            {"op": "edit_category", "id": second, "fields": {"parentId": first}},
        ]
    )
    assert sync("products").run.state == "COMPLETED"
    assert product_differences(sandbox) == []


def test_a_remote_that_finds_none_of_its_products_buries_none(sandbox: Sandbox, sync: Sync) -> None:
    sync("products")
    sandbox.change([{"op": "delete_product", "index": 4}])
    match = {"method": "GET", "path_regex": "/products/prd"}
    sandbox.fault([{"match": match, "times": 0, "action": "status", "args": {"status": 404}}])
    run = sync("products").run
    assert Product.objects.filter(gone_at__isnull=False).count() == 0
    assert any("nothing is marked as gone" in text for text in run.warnings)
    sandbox.clear_faults()
    sync("products")
    assert product_differences(sandbox) == []


@pytest.mark.fact(20)
def test_a_deleted_product_whose_get_still_answers_goes_after_two_clean_passes(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("products")
    sandbox.set(deleted_product_get="200")
    (gone, *_) = sandbox.change([{"op": "delete_product", "index": 4}])
    sync("products")
    assert Product.objects.get(pk=gone).gone_at is None
    sync("products")
    assert Product.objects.get(pk=gone).gone_at is not None
    assert product_differences(sandbox) == []


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_a_run_stopped_at_any_batch_is_made_good_by_the_next(
    sandbox: Sandbox, sync: Sync, resource: str
) -> None:
    differences = product_differences if resource == "products" else order_differences
    for batch in range(1, 6):
        calls = 0

        def stop(run: SyncRun, batch: int = batch) -> None:
            nonlocal calls
            calls += 1
            if calls == batch:
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            sync(resource, on_progress=stop)
    sync(resource)
    assert differences(sandbox) == []
    assert OrderItem.objects.count() == len(set(OrderItem.objects.values_list("pk", flat=True)))


def test_signals_are_silent_in_the_first_sync_and_tell_changes_afterwards(
    sandbox: Sandbox, sync: Sync
) -> None:
    heard: list[tuple[str, Any]] = []

    def product(sender: type, product: Product, created: bool, changed: tuple[str, ...], **_: Any):
        heard.append(("product", (created, changed)))

    def status(sender: type, order: Order, old: str, new: str, **_: Any) -> None:
        heard.append(("status", (old, new)))

    def broken(sender: type, **_: Any) -> None:
        raise RuntimeError("a receiver of the shop fails")

    signals.product_synced.connect(product)
    signals.order_status_changed.connect(broken)
    signals.order_status_changed.connect(status)
    try:
        sync("products")
        sync("orders")
        assert heard == []
        (order, *_) = sandbox.change([{"op": "refund_order", "index": 3}])
        old = Order.objects.get(pk=order).status if Order.objects.filter(pk=order) else "COMPLETED"
        sandbox.change([{"op": "edit_product", "index": 9, "fields": {"price": 4242}}])
        sync("products")
        run = sync("orders").run
    finally:
        signals.product_synced.disconnect(product)
        signals.order_status_changed.disconnect(broken)
        signals.order_status_changed.disconnect(status)
    assert ("product", (False, ("price_minor",))) in heard
    assert ("status", (old, "REFUNDED")) in heard
    assert run.state == "COMPLETED"


def test_a_dry_run_writes_nothing(sandbox: Sandbox, sync: Sync) -> None:
    run = sync("products", dry_run=True).run
    assert run.rows_created > 120
    assert sync("orders", dry_run=True).run.rows_created == 230
    assert Product.objects.count() == Order.objects.count() == 0
    assert SyncRun.objects.count() == SyncCursor.objects.count() == 0


def test_a_second_store_can_not_take_a_row_over(sandbox: Sandbox, sync: Sync) -> None:
    sync("products")
    other = Store.objects.create(id="shp_other")
    Product.objects.update(store=other)
    run = sync("products", full=True).run
    assert set(Product.objects.values_list("store_id", flat=True)) == {"shp_other"}
    assert any("belongs to store shp_other" in text for text in run.warnings)
