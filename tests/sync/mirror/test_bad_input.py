"""Whatever the remote sends, rows are kept, the rest goes on, and the run says what was wrong."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pandabase_django.models import ApiToken, Order, OrderItem, Product, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.runs import sync_resource
from tests.connecting import connect
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]

NOWHERE: dict[str, Any] = {"match": {"method": "GET", "path_regex": "/(products|orders)"}}


def edit(sandbox: Sandbox, op: str, **fields: Any) -> str:
    return sandbox.change([{"op": op, "index": 7, "fields": fields, "list_fields": fields}])[0]


def test_text_that_no_database_takes_is_replaced_and_named(sandbox: Sandbox, sync: Sync) -> None:
    changed = sandbox.change(
        [{"op": "edit_product", "index": 7, "fields": {"title": "a\x00b\ud800c"}}]
    )[0]
    run = sync("products").run
    assert run.state == "COMPLETED"
    assert Product.objects.get(pk=changed).title == "a\ufffdb\ufffdc"
    assert any("title" in text for text in run.warnings)
    assert sync("products", full=True).run.rows_updated == 0


@pytest.mark.parametrize(
    ("fields", "column", "value", "named"),
    [
        ({"price": 2**70}, "price_minor", None, "price"),
        ({"price": "12"}, "price_minor", None, "price"),
        ({"price": True}, "price_minor", None, "price"),
        ({"price": float("nan")}, "price_minor", None, "null"),
        ({"createdAt": "yesterday"}, "created_at", None, "createdAt"),
        ({"createdAt": "0001-01-01T00:00:00+14:00"}, "created_at", None, "createdAt"),
        ({"status": "BRAND_NEW_" + "X" * 300}, "status", "BRAND_NEW_" + "X" * 300, ""),
        ({"title": None}, "title", "", ""),
        ({"variants": None, "categories": None}, "title", None, ""),
        ({"variants": [None, 5, {}]}, "title", None, "variants[0]"),
        ({"inStock": "perhaps"}, "in_stock", None, "inStock"),
    ],
)
@pytest.mark.fact(26)
def test_a_product_with_a_strange_field_is_kept(
    sandbox: Sandbox, sync: Sync, fields: dict[str, Any], column: str, value: Any, named: str
) -> None:
    pk = sandbox.change([{"op": "edit_product", "index": 7, "fields": fields}])[0]
    run = sync("products").run
    product = Product.objects.get(pk=pk)
    if value is not None or column != "title":
        assert getattr(product, column) == value
    assert run.state == "COMPLETED"
    assert Product.objects.filter(gone_at__isnull=True).count() == 120
    assert any(named in text for text in run.warnings) if named else True


@pytest.mark.parametrize(
    "fields",
    [
        {"customer": None},
        {"customer": {}},
        {"payment": None},
        {"payment": "paid"},
        {"billingAddress": []},
        {"items": None},
        {"items": [{}, {"id": None, "quantity": 1}]},
        {"amount": 2**64},
        {"updatedAt": "soon"},
        {"exchangeRate": float("inf")},
        {"metadata": {"deep": {"\x00": "\udfff"}}},
    ],
)
@pytest.mark.fact(26)
def test_an_order_with_a_strange_field_is_kept(
    sandbox: Sandbox, sync: Sync, fields: dict[str, Any]
) -> None:
    pk = sandbox.change([{"op": "edit_order", "index": 7, "fields": fields}])[0]
    run = sync("orders").run
    assert run.state == "COMPLETED", (run.error, run.warnings)
    assert Order.objects.get(pk=pk).dirty is False
    assert Order.objects.count() == 230
    assert sync("orders").run.rows_updated == 0


@pytest.mark.fact(21)
def test_items_without_an_id_are_called_by_their_place(sandbox: Sandbox, sync: Sync) -> None:
    pk = sandbox.change(
        [{"op": "edit_order", "index": 7, "fields": {"items": [{"name": "a"}, {"name": "b"}]}}]
    )[0]
    sync("orders")
    items = OrderItem.objects.filter(order_id=pk, gone_at__isnull=True)
    assert list(items.values_list("pk", "name")) == [(f"{pk}:0", "a"), (f"{pk}:1", "b")]


@pytest.mark.fact(9)
def test_a_resource_without_its_permission_is_skipped_in_clear_words(sandbox: Sandbox) -> None:
    added = connect(sandbox, sandbox.add_token(permissions=["PRODUCTS_READ"]))
    trigger = SyncRun.Trigger.COMMAND
    run = sync_resource(added.store, resource="orders", trigger=trigger).run
    assert (run.state, "ORDERS_READ" in run.error, bool(run.request_id)) == ("SKIPPED", True, True)
    run = sync_resource(added.store, resource="products", trigger=trigger).run
    assert (run.state, Product.objects.count()) == ("PARTIAL", 120)
    assert any("Categories were left out" in text for text in run.warnings)
    observed = dict(added.permissions.values_list("code", "observed"))
    assert observed["ORDERS_READ"] == "DENIED"
    assert observed["PRODUCTS_READ"] == "GRANTED"


def test_products_do_not_wait_for_categories_that_are_broken(
    sandbox: Sandbox, sync: Sync, short_backoff: None
) -> None:
    match = {"method": "GET", "path_regex": "/categories$"}
    sandbox.fault([{"match": match, "times": 0, "action": "status", "args": {"status": 500}}])
    run = sync("products").run
    assert (run.state, Product.objects.count()) == ("PARTIAL", 120)
    assert any("Categories were left out" in text for text in run.warnings)


@pytest.mark.parametrize(
    "answer",
    [
        {"action": "html", "args": {"status": 403}},
        {"action": "status", "args": {"status": 404}},
        {"action": "redirect", "args": {"location": "/login"}},
    ],
    ids=["firewall", "not-found", "redirect"],
)
@pytest.mark.usefixtures("short_backoff")
def test_a_closed_list_of_categories_keeps_no_product_waiting(
    sandbox: Sandbox, sync: Sync, answer: dict[str, Any]
) -> None:
    sandbox.fault([{"match": {"path_regex": "/categories$"}, "times": 0, **answer}])
    run = sync("products").run
    assert (run.state, Product.objects.count()) == ("PARTIAL", 120)
    assert any("Categories were left out" in text for text in run.warnings)


def incompressible(seed: int, *, characters: int = 9000) -> str:
    """What no index takes: PostgreSQL compresses longer texts before it gives up."""
    dice = random.Random(seed)
    return "".join(chr(dice.randrange(0x10000, 0x30000)) for _ in range(characters))


@pytest.mark.fact(26)
def test_an_order_with_texts_of_absurd_length_arrives_with_their_beginnings(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    texts = {
        path: incompressible(seed)
        for seed, path in enumerate(
            (
                "customer.email",
                "orderNumber",
                "status",
                "billingAddress.addressLine1",
                "payment.paymentMethod.cardBrand",
                "items.0.name",
            )
        )
    }
    fields = {"billingAddress": {}, "customer": {"id": "cus_long"}, **texts}
    fields["payment"] = {"paymentMethod": {}}
    paths = dict(sorted(fields.items(), key=lambda field: "." in field[0]))
    (pk,) = sandbox.change([{"op": "create_order", "fields": paths}])
    run = sync("orders").run
    assert run.state == "COMPLETED"
    order = Order.objects.get(pk=pk)
    held = (
        order.customer.email,
        order.order_number,
        order.status,
        order.billing_line1,
        order.card_brand,
        order.items.get(position=0).name,
    )
    assert held == tuple(text[:500] for text in texts.values())
    (shown,) = (shown for shown in sandbox.dump("orders") if shown["id"] == pk)
    assert order.payload["customer"] == shown["customer"]
    assert order.payload["billingAddress"] == shown["billingAddress"]
    assert (
        f"{pk}: customer: email is longer than 500 characters; only the payload has all of it."
        in (run.warnings)
    )
    for again in (sync("orders").run, sync("orders", full=True).run):
        assert (again.state, again.rows_updated, again.warnings) == ("COMPLETED", 0, [])
    assert Order.objects.get(pk=pk).dirty is False


def test_a_product_with_texts_of_absurd_length_arrives_with_their_beginnings(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("products")
    fields = {name: incompressible(3) for name in ("title", "handle", "status", "productType")}
    (pk,) = sandbox.change([{"op": "edit_product", "index": 7, "fields": fields}])
    run = sync("products").run
    assert (run.state, run.rows_updated) == ("COMPLETED", 1)
    product = Product.objects.get(pk=pk)
    beginning = incompressible(3)[:500]
    assert (product.title, product.status) == (beginning, beginning)
    assert product.payload["title"] == incompressible(3)
    assert "status is longer than 500 characters; only the payload has all of it." in run.warnings
    assert sync("products").run.rows_updated == 0


@pytest.mark.parametrize("resource", ["orders", "products"])
def test_a_row_whose_id_no_key_can_hold_is_left_out_and_named(
    sandbox: Sandbox, sync: Sync, resource: str
) -> None:
    match = {"method": "GET", "path_regex": f"/{resource}$", "query": {"page": "1", "limit": "100"}}
    edits = {"set": {"data.items.3.id": "x" * 129}}
    sandbox.fault([{"match": match, "times": 0, "action": "edit_body", "args": edits}])
    run = sync(resource).run
    assert run.state == "PARTIAL"
    assert any(
        "Page 1, row 4 was left out" in text and "longer than 128 characters" in text
        for text in run.warnings
    )
    model = Order if resource == "orders" else Product
    assert not model.objects.filter(pk__startswith="xxx").exists()
    assert model.objects.count() >= 119


def test_a_revoked_token_stops_the_run_and_becomes_suspect(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    sandbox.revoke_token(sandbox.hmac_token.token_id)
    run = sync("orders").run
    token = ApiToken.objects.get()
    assert (run.state, token.health) == ("FAILED", "SUSPECT")
    assert run.request_id
    assert run.request_id in run.error
    assert Order.objects.count() == 230


def test_the_same_order_on_two_pages_is_one_row(sandbox: Sandbox, sync: Sync) -> None:
    match = {"method": "GET", "path_regex": "/orders$"}
    sandbox.fault([{"match": match, "nth": 1, "times": 0, "action": "duplicate_items"}])
    run = sync("orders").run
    assert run.state in ("COMPLETED", "PARTIAL")
    sandbox.clear_faults()
    sync("orders", full=True)
    assert order_differences(sandbox) == []
