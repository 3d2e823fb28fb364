"""The obvious query is right, and ``objects`` hides nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from pandabase_django.models import (
    Category,
    Coupon,
    Customer,
    Dispute,
    LedgerEntry,
    License,
    Order,
    OrderItem,
    Payout,
    Product,
    ProductCategory,
    ProductVariant,
    Refund,
    Store,
    Subscription,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(db: None) -> Store:
    return Store.objects.create(pk="shp_1")


def make(model: Any, store: Store, pk: str, *, gone: bool = False, **columns: Any) -> Any:
    now = timezone.now()
    columns["gone_at"] = now if gone else None
    return model.objects.create(pk=pk, store=store, first_seen_at=now, synced_at=now, **columns)


def ids(rows: Any) -> list[str]:
    return sorted(row.pk for row in rows)


@pytest.mark.parametrize(
    "model",
    [
        Category, Coupon, Customer, Dispute, LedgerEntry, License, Order, OrderItem, Payout,
        Product, ProductVariant, Refund, Subscription,
    ],
)  # fmt: skip
def test_live_leaves_out_what_is_gone_and_objects_does_not(model: Any, store: Store) -> None:
    make(model, store, "here")
    make(model, store, "vanished", gone=True)
    assert ids(model.objects.live()) == ids(model.objects.filter(store=store).live()) == ["here"]
    assert ids(model.objects.all()) == ["here", "vanished"]


@pytest.mark.fact(27)
def test_paid_orders_are_those_whose_money_is_here(store: Store) -> None:
    for status in (
        "PENDING", "PROCESSING", "COMPLETED", "CANCELLED", "FAILED", "REFUNDED", "CHARGEBACK",
        "BRAND_NEW", "",
    ):  # fmt: skip
        make(Order, store, f"ord_{status}", status=status)
    make(Order, store, "ord_vanished", status="COMPLETED", gone=True)
    assert ids(Order.objects.paid()) == ["ord_COMPLETED"]
    assert Order.objects.live().count() == 9


@pytest.mark.parametrize("in_stock", [True, False, None])
def test_products_on_sale_are_live_and_active_in_stock_or_not(
    store: Store, in_stock: bool | None
) -> None:
    for status in ("ACTIVE", "DRAFT", "ARCHIVED", ""):
        make(Product, store, f"prd_{status}", status=status, in_stock=in_stock)
    make(Product, store, "prd_vanished", status="ACTIVE", in_stock=in_stock, gone=True)
    assert ids(Product.objects.on_sale()) == ["prd_ACTIVE"]


def test_relations_have_them_too(store: Store) -> None:
    customer = make(Customer, store, "cus_1")
    order = make(Order, store, "ord_1", status="COMPLETED", customer_id="cus_1")
    make(Order, store, "ord_2", status="COMPLETED", customer_id="cus_1", gone=True)
    make(OrderItem, store, "itm_1", order_id="ord_1")
    make(OrderItem, store, "itm_2", order_id="ord_1", gone=True)
    category = make(Category, store, "ctg_1")
    for pk, gone in (("prd_1", False), ("prd_2", True)):
        make(Product, store, pk, status="ACTIVE", gone=gone)
        make(ProductVariant, store, f"var_{pk}", product_id="prd_1", gone=gone)
        ProductCategory.objects.create(product_id=pk, category_id="ctg_1")
    assert ids(customer.orders.paid()) == ["ord_1"]
    assert ids(order.items.live()) == ["itm_1"]
    assert ids(order.items.all()) == ["itm_1", "itm_2"]
    assert ids(category.products.on_sale()) == ["prd_1"]
    assert ids(Product.objects.get(pk="prd_1").variants.live()) == ["var_prd_1"]


def test_a_row_that_is_not_here_is_none(store: Store) -> None:
    order = make(Order, store, "ord_1", customer_id="cus_unknown")
    item = make(OrderItem, store, "itm_1", order_id="x", product_id="prd_x", variant_id="var_x")
    variant = make(ProductVariant, store, "var_1", product_id="prd_x")
    category = make(Category, store, "ctg_1", parent_id="ctg_x")
    for row in (order, item, variant, category):
        row.refresh_from_db()
    assert order.customer is item.order is item.product is item.variant is None
    assert variant.product is category.parent is None
    assert item.product_id == "prd_x"
    assert OrderItem.objects.select_related("product").get(pk="itm_1").product is None


def test_an_order_has_its_refunds_and_disputes(store: Store) -> None:
    order = make(Order, store, "ord_1")
    make(Refund, store, "rfd_1", order_id="ord_1")
    make(Refund, store, "rfd_2", order_id="ord_1", gone=True)
    make(Dispute, store, "dsp_1", order_id="ord_1")
    assert ids(order.refunds.live()) == ["rfd_1"]
    assert ids(order.disputes.all()) == ["dsp_1"]
    assert Refund.objects.get(pk="rfd_1").order == order


def test_a_ledger_entry_leads_to_the_order_whose_payment_it_names(store: Store) -> None:
    order = make(Order, store, "ord_1", payment_id="pmt_1")
    other = Store.objects.create(pk="shp_2")
    for pk, of, reference in (
        ("ble_1", store, "pmt_1"), ("ble_2", store, "ord_1"), ("ble_3", store, "pto_1"),
        ("ble_4", store, ""), ("ble_5", other, "pmt_1"),
    ):  # fmt: skip
        make(LedgerEntry, of, pk, reference_id=reference)
    found = [entry.order for entry in LedgerEntry.objects.order_by("pk")]
    assert found == [order, order, None, None, None]


def test_a_product_tells_its_texts_and_pictures(store: Store) -> None:
    product = Product(pk="prd_1", store=store)
    assert (product.subtitle, product.description, product.images) == ("", "", [])
    product.payload = {"subtitle": "Fast", "description": None, "images": ["https://x/1.png", 7]}
    assert (product.subtitle, product.description) == ("Fast", "")
    assert product.images == ["https://x/1.png"]
