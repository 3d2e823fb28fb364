"""Replicas that answer up to a minute late: nothing that just came is marked as gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from pandabase_django.models import (
    Category,
    MirrorRow,
    Order,
    OrderItem,
    Product,
    ProductVariant,
    Store,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.orders.details.writing import mark_dirty
from pandabase_django.services.sync.refresh import fetch_order
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences, product_differences

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]

NOW_MS = 1_800_000_000_000


@pytest.fixture(autouse=True)
def _ten_minutes(settings: Any) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "MARK_GONE_AFTER_SECONDS": 600}


def age(*models: type[MirrorRow]) -> None:
    """Let eleven minutes pass for these rows."""
    eleven = timedelta(minutes=11)
    for model in models:
        model.objects.update(
            first_seen_at=F("first_seen_at") - eleven, appeared_at=F("appeared_at") - eleven
        )


def gone(model: type[MirrorRow]) -> set[str]:
    return set(model.objects.filter(gone_at__isnull=False).values_list("pk", flat=True))


def lag(sandbox: Sandbox, **settings: Any) -> None:
    sandbox.set_clock(NOW_MS)
    sandbox.set(list_lag_seconds=30.0, detail_lag_seconds=30.0, **settings)


def catch_up(sandbox: Sandbox) -> None:
    sandbox.set(list_lag_seconds=0.0, detail_lag_seconds=0.0)


def test_an_order_that_a_webhook_just_read_outlives_a_poll_at_a_late_replica(
    sandbox: Sandbox, store: Store, sync: Sync
) -> None:
    sync("orders")
    age(Order, OrderItem)
    lag(sandbox)
    (made,) = sandbox.change([{"op": "create_order"}])
    catch_up(sandbox)
    fetch_order(store, made)
    lag(sandbox)
    for _ in range(2):
        assert sync("orders").run.rows_gone == 0
    mark_dirty(Order.objects.filter(pk=made))
    sync("orders")
    assert gone(Order) == gone(OrderItem) == set()
    catch_up(sandbox)
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def test_a_tombstone_that_came_back_is_as_new_as_a_new_order(
    sandbox: Sandbox, store: Store, sync: Sync
) -> None:
    sync("orders")
    pk = Order.objects.order_by("created_at")[5].pk
    Order.objects.filter(pk=pk).update(gone_at="2026-01-01T00:00:00Z")
    age(Order, OrderItem)
    fetch_order(store, pk)
    sandbox.change([{"op": "remove_order", "id": pk}])
    mark_dirty(Order.objects.filter(pk=pk))
    assert sync("orders").run.rows_gone == 0
    age(Order)
    assert sync("orders").run.rows_gone > 0
    assert gone(Order) == {pk}


def test_an_order_that_vanished_young_is_marked_by_a_later_run(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    (pk,) = sandbox.change([{"op": "remove_order", "index": 5}])
    for _ in range(3):
        assert sync("orders").run.rows_gone == 0
    age(Order)
    sync("orders")
    assert gone(Order) == {pk}
    assert not OrderItem.objects.filter(order_id=pk, gone_at__isnull=True).exists()


@pytest.mark.parametrize("large", [False, True])
def test_a_product_of_a_moment_outlives_a_late_list_and_goes_later(
    sandbox: Sandbox, sync: Sync, settings: Any, large: bool
) -> None:
    if large:
        settings.PANDABASE = {**settings.PANDABASE, "PRODUCTS_READ_WHOLE": 50}
    for _ in range(2):
        sync("products")
    age(Product, ProductVariant, Category)
    lag(sandbox)
    (made,) = sandbox.change([{"op": "create_product"}])
    catch_up(sandbox)
    sync("products")
    lag(sandbox)
    for _ in range(3):
        assert sync("products").run.rows_gone == 0
    catch_up(sandbox)
    sandbox.change([{"op": "delete_product", "id": made}])
    for _ in range(3):
        assert sync("products").run.rows_gone == 0
    age(Product)
    sync("products")
    assert gone(Product) == {made}
    assert not ProductVariant.objects.filter(product_id=made, gone_at__isnull=True).exists()
    assert product_differences(sandbox) == []


def test_a_category_of_a_moment_stays(sandbox: Sandbox, sync: Sync) -> None:
    sync("products")
    (deleted,) = sandbox.change([{"op": "delete_category", "index": 1}])
    sync("products")
    assert gone(Category) == set()
    age(Category)
    sync("products")
    assert gone(Category) == {deleted}


def test_children_of_a_moment_stay_until_they_are_ten_minutes_old(
    sandbox: Sandbox, store: Store, sync: Sync
) -> None:
    sync("products")
    sync("orders")
    age(Product, Order)
    order = Order.objects.filter(items__isnull=False).order_by("created_at")[0]
    variants, items = gone(ProductVariant), set(order.items.values_list("pk", flat=True))
    sandbox.change([{"op": "edit_order", "id": order.pk, "fields": {"items": []}}])
    (product,) = sandbox.change([{"op": "edit_product", "index": 1, "fields": {"variants": []}}])
    lost = set(
        ProductVariant.objects.filter(product_id=product, gone_at__isnull=True).values_list(
            "pk", flat=True
        )
    )
    fetch_order(store, order.pk)
    for _ in range(2):
        sync("products")
        sync("orders")
    assert (gone(ProductVariant), gone(OrderItem)) == (variants, set())
    age(ProductVariant, OrderItem)
    sync("products")
    sync("orders")
    assert (gone(ProductVariant), gone(OrderItem)) == (variants | lost, items)
    sync("orders")
    assert sync("orders").run.rows_updated == 0


def test_a_child_that_a_late_answer_moved_back_comes_to_where_it_belongs(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("products")
    age(Product, ProductVariant)
    first, second = sandbox.dump("products")[1:3]
    moved = first["variants"][0]
    lag(sandbox)
    sandbox.change(
        [
            {"op": "edit_product", "index": 1, "fields": {"variants": first["variants"][1:]}},
            {
                "op": "edit_product",
                "index": 2,
                "fields": {"variants": [*second["variants"], moved]},
            },
        ]
    )
    catch_up(sandbox)
    sync("products")
    lag(sandbox)
    sync("products")
    catch_up(sandbox)
    sync("products")
    variant = ProductVariant.objects.get(pk=moved["id"])
    assert (variant.product_id, variant.gone_at) == (second["id"], None)
    assert product_differences(sandbox) == []
