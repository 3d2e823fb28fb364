"""Variants, line items, categories and their links go when the remote no longer shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from pandabase_django.models import (
    Category,
    OrderItem,
    ProductCategory,
    ProductVariant,
)
from pandabase_django.sandbox import Sandbox
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences, product_differences

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    cache.clear()
    with Sandbox(seed=7, products=20, orders=30, categories=5) as running:
        yield running


def first_with_two(sandbox: Sandbox, kind: str, children: str) -> dict[str, Any]:
    """The first product or order that has two children or more."""
    return next(found for found in sandbox.dump(kind) if len(found[children]) >= 2)


def test_a_variant_that_left_its_product_goes_and_the_others_stay(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("products")
    product = first_with_two(sandbox, "products", "variants")
    left, *stays = product["variants"]
    edit = {"op": "edit_product", "id": product["id"], "fields": {"variants": stays}}
    sandbox.change([edit])
    assert sync("products").run.rows_gone == 1
    assert gone(ProductVariant) == {left["id"]}
    assert product_differences(sandbox) == []

    sandbox.change([{**edit, "fields": {"variants": [left, *stays]}}])
    sync("products")
    assert gone(ProductVariant) == set()
    assert product_differences(sandbox) == []


def test_a_line_item_that_left_its_order_goes_and_the_others_stay(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    order = first_with_two(sandbox, "orders", "items")
    left, *stay = order["items"]
    fields = {"items": stay, "amount": order["amount"] - left["price"]}
    sandbox.change([{"op": "edit_order", "id": order["id"], "fields": fields}])
    assert sync("orders", full=True).run.rows_gone == 1
    assert gone(OrderItem) == {left["id"]}
    assert order_differences(sandbox) == []

    fields = {"items": order["items"], "amount": order["amount"]}
    sandbox.change([{"op": "edit_order", "id": order["id"], "fields": fields}])
    sync("orders", full=True)
    assert gone(OrderItem) == set()
    assert order_differences(sandbox) == []


def test_a_category_that_was_deleted_goes_and_comes_back(sandbox: Sandbox, sync: Sync) -> None:
    sync("products")
    (deleted,) = sandbox.change([{"op": "delete_category", "index": 2}])
    sync("products")
    assert gone(Category) == {deleted}
    assert product_differences(sandbox) == []

    sandbox.change([{"op": "undelete_category", "index": 2}])
    sync("products")
    assert gone(Category) == set()
    assert product_differences(sandbox) == []


def test_a_product_that_moves_between_categories_is_found_in_the_new_one_alone(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("products")
    old, new = (category["id"] for category in sandbox.dump("categories")[:2])
    (product,) = sandbox.change(
        [{"op": "edit_product", "index": 3, "fields": {"categoryIds": [old]}}]
    )
    sync("products")
    assert categories_of(product) == {old}
    sandbox.change([{"op": "edit_product", "index": 3, "fields": {"categoryIds": [new]}}])
    sync("products")
    assert categories_of(product) == {new}
    sandbox.change([{"op": "edit_product", "index": 3, "fields": {"categoryIds": []}}])
    sync("products")
    assert categories_of(product) == set()
    assert product_differences(sandbox) == []


def gone(model: Any) -> set[str]:
    return set(model.objects.filter(gone_at__isnull=False).values_list("pk", flat=True))


def categories_of(product: str) -> set[str]:
    links = ProductCategory.objects.filter(product_id=product)
    return set(links.values_list("category_id", flat=True))
