from __future__ import annotations

import json
import time

import pytest

from pandabase_django.sandbox import Sandbox
from pandabase_django.sandbox.store.shapes import order_item
from pandabase_django.sandbox.store.state import StoreState, WorldSize
from pandabase_django.sandbox.store.views import order_detail, order_item_json
from tests.sandbox.conftest import Caller


def test_the_same_seed_gives_the_same_store_and_another_seed_another() -> None:
    with (
        Sandbox(seed=5, products=9, orders=40) as one,
        Sandbox(seed=5, products=9, orders=40) as two,
    ):
        for kind in ("store", "categories", "products", "orders", "refunds", "disputes"):
            assert one.dump(kind) == two.dump(kind)
        assert one.hmac_token.secret == two.hmac_token.secret
        with Sandbox(seed=6, products=9, orders=40) as three:
            assert three.dump("orders") != one.dump("orders")
            assert three.hmac_token.secret != one.hmac_token.secret


def test_a_million_orders_start_at_once_and_are_counted_at_once() -> None:
    started = time.process_time()
    with Sandbox(orders=1_000_000) as sandbox:
        counts = sandbox.counts()
        assert time.process_time() - started < 2
        assert counts["orders"] == sum(counts["orders_by_status"].values()) == 1_000_000


@pytest.mark.parametrize("orders", [400, 3_000])
def test_payouts_of_the_past_are_in_the_opening_balance(orders: int) -> None:
    state = StoreState(WorldSize(orders=orders))
    opening = state.ledger.entries[0]
    assert opening["type"] == "OPENING_BALANCE"
    paid_out = [item.payload["createdAt"] for _, item in state.payouts.every()]
    assert paid_out
    assert max(paid_out) < opening["createdAt"]


@pytest.mark.fact(21)
def test_the_fast_list_item_equals_the_one_taken_from_the_detail() -> None:
    state = StoreState(WorldSize(seed=4, products=40, orders=2_000))
    for index in range(2_000):
        detail = order_detail(state, index)
        assert detail is not None
        assert json.loads(order_item_json(state, index)) == order_item(detail)


def test_the_seeded_orders_hold_the_variety_that_mirrors_must_survive(sandbox: Sandbox) -> None:
    orders = sandbox.dump("orders")
    known = {product["id"] for product in sandbox.dump("products")}
    items = [item for order in orders for item in order["items"]]
    assert {len(order["items"]) for order in orders} == {1, 2, 3, 4}
    assert any(item["productId"] not in known for item in items)
    assert any(item["variantId"] for item in items)
    assert any(not item["variantId"] for item in items)
    customers = [order["customer"] for order in orders]
    assert None in customers
    assert {} in customers
    assert any(customer and customer["email"] is None for customer in customers)
    named = {customer["id"] for customer in customers if customer}
    assert len(orders) / 4 < len(named) < len(orders) / 2
    assert any(order["presentmentCurrency"] for order in orders)
    assert any(order["discountCode"] and not order["discountCode"].isascii() for order in orders)
    assert any(order["customFields"] for order in orders)
    assert any(order["licenses"] for order in orders)
    assert any(order["billingAddress"] is None for order in orders)
    assert any(order["payment"] is None for order in orders)
    moments = [order["createdAt"] for order in orders]
    assert moments == sorted(moments)
    assert len(set(moments)) < len(moments)


@pytest.mark.fact(25)
def test_amounts_add_up(sandbox: Sandbox) -> None:
    for order in sandbox.dump("orders"):
        subtotal = sum(item["price"] * item["quantity"] for item in order["items"])
        payment = order["payment"]
        if payment is not None:
            assert order["amount"] == subtotal - payment["discountAmount"]
            assert payment["totalAmount"] == order["amount"] + payment["taxAmount"]


def test_products_have_variants_categories_drafts_and_empty_shelves() -> None:
    with Sandbox(seed=1) as sandbox:
        products = sandbox.dump("products")
        categories = {category["id"] for category in sandbox.dump("categories")}
    assert len(products) == 250
    with_variants = [product for product in products if product["variants"]]
    assert 60 < len(with_variants) < 110
    assert {len(product["variants"]) for product in with_variants} == {1, 2, 3, 4}
    assert {len(product["categories"]) for product in products} == {0, 1, 2, 3}
    assert {category["id"] for p in products for category in p["categories"]} <= categories
    assert {product["status"] for product in products} == {"ACTIVE", "DRAFT"}
    assert {product["inStock"] for product in products} == {True, False}
    assert "DIGITAL" in {product["productType"] for product in products}
    assert all("createdAt" not in product for product in products)
    assert any("webhookSecret" in product for product in products)


@pytest.mark.fact(23)
def test_refunds_and_disputes_belong_to_orders_in_the_right_state(sandbox: Sandbox) -> None:
    orders = {order["id"]: order for order in sandbox.dump("orders")}
    refunds, disputes = sandbox.dump("refunds"), sandbox.dump("disputes")
    assert {orders[refund["order"]["id"]]["status"] for refund in refunds} == {"REFUNDED"}
    refunded = [order for order in orders.values() if order["status"] == "REFUNDED"]
    assert len(refunds) == len(refunded)
    for dispute in disputes:
        wanted = "COMPLETED" if dispute["status"] == "WON" else "CHARGEBACK"
        assert orders[dispute["order"]["id"]]["status"] == wanted


def test_an_empty_store_answers(sandbox: Sandbox) -> None:
    with Sandbox(products=0, orders=0, categories=0) as empty:
        caller = Caller(empty, empty.hmac_token)
        for path in ("/products", "/orders", "/customers", "/refunds", "/disputes", "/categories"):
            data = caller.get(path)
            assert data["items"] == []
            assert data["pagination"]["total"] == data["pagination"]["totalPages"] == 0
        assert caller.get("")["sales"] == 0
        assert caller.get("/payouts/ledger")["items"][0]["type"] == "OPENING_BALANCE"
        empty.change([{"op": "create_order"}])
        assert len(caller.get("/orders")["items"]) == len(caller.get("/customers")["items"]) == 1
        caller.session.close()
