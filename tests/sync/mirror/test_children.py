"""Variants, line items, categories and their links follow what the remote says of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from pandabase_django.api import schemas
from pandabase_django.models import (
    Category,
    Order,
    OrderItem,
    Product,
    ProductCategory,
    ProductVariant,
    RowChange,
    SyncRun,
)
from pandabase_django.sandbox import Sandbox
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences, product_differences

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = {"id": "var_first", "title": "First", "price": 5}
SECOND = {"id": "var_second", "title": "Second", "price": 6}


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


@pytest.mark.fact(26)
def test_what_an_answer_does_not_name_is_not_the_same_as_an_empty_list() -> None:
    silent = schemas.Product.from_json({"id": "prd_1"})
    null = schemas.Product.from_json({"id": "prd_1", "variants": None, "categories": None})
    strange = schemas.Product.from_json({"id": "prd_1", "variants": "x", "categories": 5})
    empty = schemas.Product.from_json({"id": "prd_1", "variants": [], "categories": []})
    for said_nothing in (silent, null, strange):
        assert (said_nothing.variants, said_nothing.category_ids) == (None, None)
    assert (empty.variants, empty.category_ids) == ((), ())
    assert schemas.Order.from_json({"id": "ord_1"}).items is None
    assert schemas.Order.from_json({"id": "ord_1", "items": []}).items == ()


@pytest.mark.fact(26)
def test_an_answer_that_says_nothing_of_variants_and_categories_takes_none_away(
    sandbox: Sandbox, sync: Sync
) -> None:
    edit_product(sandbox, 7, variants=[FIRST, SECOND])
    filed = next(p["id"] for p in sandbox.dump("products") if p["categories"])
    sync("products")
    live = ProductVariant.objects.filter(gone_at__isnull=True).count()
    links = ProductCategory.objects.count()
    edit_product(sandbox, 7, variants=None, title="Other")
    sandbox.change([{"op": "edit_product", "id": filed, "fields": {"categories": None}}])
    run = sync("products").run
    assert (run.state, run.rows_gone) == ("COMPLETED", 0)
    assert ProductVariant.objects.filter(gone_at__isnull=True).count() == live
    assert ProductCategory.objects.count() == links


def test_an_empty_list_of_variants_takes_all_away(sandbox: Sandbox, sync: Sync) -> None:
    pk = edit_product(sandbox, 7, variants=[FIRST, SECOND])
    sync("products")
    edit_product(sandbox, 7, variants=[])
    assert sync("products").run.rows_gone == 2
    assert variants(pk) == []


def test_variants_that_change_products_at_the_same_place_follow(
    sandbox: Sandbox, sync: Sync
) -> None:
    products = [edit_product(sandbox, index, variants=[]) for index in (3, 4)]
    edit_product(sandbox, 3, variants=[FIRST])
    edit_product(sandbox, 4, variants=[SECOND])
    sync("products")
    edit_product(sandbox, 3, variants=[SECOND])
    edit_product(sandbox, 4, variants=[FIRST])
    run = sync("products").run
    assert [variants(pk) for pk in products] == [["var_second"], ["var_first"]]
    assert run.rows_gone == 0
    assert set(run.changes.get(row_id="var_first").columns) == {"product_id"}


@pytest.mark.fact(21)
def test_an_order_whose_details_say_nothing_of_items_keeps_them(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    fields = {"items": None, "amount": 1}
    (pk,) = sandbox.change([{"op": "edit_order", "index": 7, "fields": fields}])
    stood = OrderItem.objects.filter(order_id=pk).count()
    sync("orders")
    assert Order.objects.get(pk=pk).amount_minor == 1
    assert OrderItem.objects.filter(order_id=pk, gone_at__isnull=True).count() == stood > 0


def test_all_that_goes_with_its_parent_is_counted_and_noted_once(
    sandbox: Sandbox, sync: Sync
) -> None:
    pk = edit_product(sandbox, 7, variants=[FIRST, SECOND])
    sync("products")
    edit_product(sandbox, 7, variants=[FIRST])
    runs: list[SyncRun] = [sync("products").run]
    sandbox.change([{"op": "delete_product", "id": pk}])
    runs.append(sync("products").run)
    assert Product.objects.get(pk=pk).gone_at is not None
    assert [run.rows_gone for run in runs] == [1, 2]
    for run in runs:
        assert run.changes.filter(kind=RowChange.Kind.GONE).count() == run.rows_gone


def gone(model: Any) -> set[str]:
    return set(model.objects.filter(gone_at__isnull=False).values_list("pk", flat=True))


def categories_of(product: str) -> set[str]:
    links = ProductCategory.objects.filter(product_id=product)
    return set(links.values_list("category_id", flat=True))


def edit_product(sandbox: Sandbox, index: int, **fields: Any) -> str:
    return sandbox.change([{"op": "edit_product", "index": index, "fields": fields}])[0]


def variants(product_id: str) -> list[str]:
    rows = ProductVariant.objects.filter(product_id=product_id, gone_at__isnull=True)
    return list(rows.values_list("pk", flat=True))
