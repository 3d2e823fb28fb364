"""A relation leads to rows of the same store alone, whatever ids a remote names."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Prefetch, Q
from django.utils import timezone

from pandabase_django.models import (
    Category,
    Customer,
    Dispute,
    Order,
    OrderItem,
    Product,
    ProductCategory,
    ProductVariant,
    Refund,
    Store,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _two_stores(db: None) -> None:
    """Everything of store B names everything of store A; so does A's own."""
    now = timezone.now()
    a, b = (Store.objects.create(pk=pk) for pk in ("shp_a", "shp_b"))

    def make(model: Any, store: Store, pk: str, **columns: Any) -> Any:
        return model.objects.create(pk=pk, store=store, first_seen_at=now, synced_at=now, **columns)

    make(Customer, a, "cus_a", email="anna@a.example")
    make(Category, a, "cat_a", name="Secret category")
    make(Product, a, "prd_a", title="Secret product")
    make(ProductVariant, a, "var_a", product_id="prd_a", title="Secret variant")
    for store, end in ((a, "a"), (b, "b")):
        make(Order, store, f"ord_{end}", customer_id="cus_a")
        make(
            OrderItem,
            store,
            f"itm_{end}",
            order_id="ord_a",
            product_id="prd_a",
            variant_id="var_a",
        )
        make(Refund, store, f"rfd_{end}", order_id="ord_a")
        make(Dispute, store, f"dsp_{end}", order_id="ord_a")
        make(Category, store, f"cat_{end}1", parent_id="cat_a", name="child")
    make(Product, b, "prd_b", title="Theirs")
    make(ProductVariant, b, "var_b", product_id="prd_a")
    for product in ("prd_a", "prd_b"):
        ProductCategory.objects.create(product_id=product, category_id="cat_a")


def ids(rows: Any) -> list[str]:
    return sorted(row.pk for row in rows)


@pytest.mark.parametrize(
    ("model", "relation"),
    [
        (Order, "customer"),
        (OrderItem, "order"),
        (Refund, "order"),
        (Dispute, "order"),
        (OrderItem, "product"),
        (OrderItem, "variant"),
        (Category, "parent"),
        (ProductVariant, "product"),
    ],
)
def test_no_relation_leads_to_another_store(model: Any, relation: str) -> None:
    rows = model.objects.exclude(**{f"{relation}_id": None})
    assert {row.store_id for row in rows} == {"shp_a", "shp_b"}
    for found in (rows, rows.select_related(relation), rows.prefetch_related(relation)):
        for row in found:
            related = getattr(row, relation)
            assert getattr(row, f"{relation}_id")
            assert (related is not None) == (row.store_id == "shp_a"), (found.query, row.pk)
    named = model.objects.filter(pk__in=ids(rows))
    joined = dict(named.values_list("store", f"{relation}__store"))
    assert joined == {"shp_a": "shp_a", "shp_b": None}
    assert {row.store_id for row in rows.filter(**{f"{relation}__store": "shp_a"})} == {"shp_a"}


def test_a_missing_row_is_none() -> None:
    OrderItem.objects.update(product_id="prd_gone")
    for item in OrderItem.objects.all():
        assert item.product is None
        assert item.product_id == "prd_gone"


@pytest.mark.parametrize(
    ("model", "pk", "rows", "expected"),
    [
        (Customer, "cus_a", "orders", ["ord_a"]),
        (Order, "ord_a", "items", ["itm_a"]),
        (Order, "ord_a", "refunds", ["rfd_a"]),
        (Order, "ord_a", "disputes", ["dsp_a"]),
        (Product, "prd_a", "order_items", ["itm_a"]),
        (Product, "prd_a", "variants", ["var_a"]),
        (Product, "prd_a", "categories", ["cat_a"]),
        (Product, "prd_b", "categories", []),
        (Category, "cat_a", "products", ["prd_a"]),
        (Category, "cat_a", "children", ["cat_a1"]),
        (ProductVariant, "var_a", "order_items", ["itm_a"]),
    ],
)
def test_no_other_stores_rows_belong_to_one(
    model: Any, pk: str, rows: str, expected: list[str]
) -> None:
    assert ids(getattr(model.objects.get(pk=pk), rows).all()) == expected
    (one,) = model.objects.filter(pk=pk).prefetch_related(rows)
    assert ids(getattr(one, rows).all()) == expected
    related = getattr(one, rows).model
    (one,) = model.objects.filter(pk=pk).prefetch_related(
        Prefetch(rows, related.objects.order_by("pk"), to_attr="found")
    )
    assert ids(one.found) == expected
    joined = model.objects.filter(pk=pk).values_list(f"{rows}__pk", flat=True)
    assert sorted(filter(None, joined)) == expected


@pytest.mark.parametrize(
    ("model", "condition", "left"),
    [
        (Customer, {"orders__pk__startswith": "ord"}, []),
        (Customer, {"orders__pk": "ord_b"}, ["cus_a"]),
        (Customer, {"orders__items__product__title": "Secret product"}, []),
        (Order, {"items__product__title": "Secret product"}, ["ord_b"]),
        (Order, {"items__pk": "itm_b"}, ["ord_a", "ord_b"]),
        (Product, {"categories__name": "Secret category"}, ["prd_b"]),
        (Product, {"categories": "cat_a"}, ["prd_b"]),
        (Product, {"variants__pk": "var_b"}, ["prd_a", "prd_b"]),
        (Category, {"products__title": "Secret product"}, ["cat_a1", "cat_b1"]),
        (Category, {"products__variants__title": "Secret variant"}, ["cat_a1", "cat_b1"]),
        (Category, {"children__pk": "cat_b1"}, ["cat_a", "cat_a1", "cat_b1"]),
    ],
)
def test_exclude_over_many_rows_stays_within_the_store(
    model: Any, condition: dict[str, str], left: list[str]
) -> None:
    assert ids(model.objects.exclude(**condition)) == left
    assert ids(model.objects.filter(~Q(**condition))) == left


def test_filters_over_a_relation_exclude_what_they_say() -> None:
    named = Order.objects.exclude(customer__email="anna@a.example")
    assert ids(named) == ["ord_b"]
    assert ids(Customer.objects.exclude(orders__pk="ord_a")) == []
    assert ids(Order.objects.filter(customer__email__contains="anna")) == ["ord_a"]
