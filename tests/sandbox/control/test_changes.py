from __future__ import annotations

import math

import pytest

from pandabase_django.sandbox import ChangeRefused, Sandbox
from tests.sandbox.conftest import Caller


def test_created_orders_come_last_unless_dated_back(caller: Caller) -> None:
    (new,) = caller.sandbox.change([{"op": "create_order", "status": "PENDING"}])
    assert caller.get("/orders?limit=1")["items"][0]["id"] == new
    third = caller.get("/orders?sort=asc&limit=3")["items"][2]
    change = {"op": "create_order", "fields": {"createdAt": third["createdAt"]}}
    (late,) = caller.sandbox.change([change])
    page = [item["id"] for item in caller.get("/orders?sort=asc&limit=5")["items"]]
    assert page.index(late) == 3
    assert len(caller.everything("/orders")) == 652


def test_edits_reach_list_and_detail_and_touch_the_order(caller: Caller) -> None:
    order = caller.sandbox.dump("orders")[4]
    change = {
        "op": "edit_order",
        "id": order["id"],
        "fields": {"amount": 2**70, "customer": None, "items.0.name": "nul \x00 \ud800"},
        "list_fields": {"currency": "XXX"},
    }
    assert caller.sandbox.change([change]) == [order["id"]]
    detail = caller.get(f"/orders/{order['id']}")
    assert detail["amount"] == 2**70
    assert detail["items"][0]["name"] == "nul \x00 \ud800"
    assert detail["currency"] == "USD"
    assert detail["updatedAt"] > order["updatedAt"]
    item = caller.get("/orders?sort=asc&limit=5")["items"][4]
    assert (item["amount"], item["customer"], item["currency"]) == (2**70, None, "XXX")
    silent = {**change, "fields": {"amount": 5}, "touch": False}
    caller.sandbox.change([silent])
    assert caller.get(f"/orders/{order['id']}")["updatedAt"] == detail["updatedAt"]


def test_nan_passes_as_it_is(caller: Caller, control) -> None:
    change = {"op": "edit_order", "index": 0, "fields": {"exchangeRate": float("nan")}}
    (order,) = caller.sandbox.change([change])
    response = caller.send("GET", f"/orders/{order}")
    assert '"exchangeRate":NaN' in response.text
    assert math.isnan(response.json()["data"]["exchangeRate"])


def test_an_order_goes_through_refund_dispute_and_recovery(caller: Caller) -> None:
    first, second = [item["id"] for item in caller.get("/orders?status=COMPLETED&limit=2")["items"]]
    _, refund = caller.sandbox.change([{"op": "refund_order", "id": first, "amount": 7}])
    assert caller.get(f"/refunds/{refund}")["amount"] == 7
    _, dispute = caller.sandbox.change([{"op": "dispute_order", "id": second}])
    assert caller.get(f"/orders/{second}")["status"] == "CHARGEBACK"
    assert caller.get(f"/orders/{second}")["payment"]["status"] == "DISPUTED"
    assert caller.get("/disputes?limit=1")["items"][0]["id"] == dispute
    caller.sandbox.change([{"op": "resolve_dispute", "id": second, "outcome": "WON"}])
    assert caller.get(f"/disputes/{dispute}")["status"] == "WON"
    assert caller.get(f"/orders/{second}")["status"] == "COMPLETED"


def test_hidden_objects_answer_alone_and_removed_ones_do_not(caller: Caller) -> None:
    order, product = caller.sandbox.change(
        [{"op": "hide_order", "index": -1}, {"op": "hide_product", "index": 0}]
    )
    assert caller.get("/orders")["pagination"]["total"] == 649
    assert order not in {item["id"] for item in caller.everything("/orders")}
    assert product not in {item["id"] for item in caller.everything("/products")}
    assert caller.get(f"/orders/{order}")["id"] == order
    assert caller.get(f"/products/{product}")["id"] == product
    caller.sandbox.change([{"op": "show_order", "id": order}, {"op": "show_product", "index": 0}])
    assert caller.get("/orders")["items"][0]["id"] == order
    assert product in {item["id"] for item in caller.everything("/products")}
    caller.sandbox.change([{"op": "remove_order", "id": order}])
    assert caller.send("GET", f"/orders/{order}").status_code == 404
    assert len(caller.sandbox.dump("orders")) == 649


def test_products_take_any_value(caller: Caller) -> None:
    (product,) = caller.sandbox.change(
        [{"op": "create_product", "fields": {"title": None, "variants": None, "brandNew": [1]}}]
    )
    shown = caller.get(f"/products/{product}")
    assert (shown["title"], shown["variants"], shown["brandNew"]) == (None, None, [1])
    category = caller.sandbox.dump("categories")[1]
    change = {
        "op": "edit_product",
        "id": product,
        "fields": {
            "variants": [{"title": "A", "price": 5}],
            "categoryIds": [category["id"]],
            "price": "free",
        },
    }
    caller.sandbox.change([{"op": "create_product"}, change])
    shown = caller.get(f"/products/{product}")
    assert shown["price"] == "free"
    assert [variant["title"] for variant in shown["variants"]] == ["A"]
    assert [found["id"] for found in shown["categories"]] == [category["id"]]
    caller.sandbox.change([{"op": "edit_product", "id": product, "fields": {"categories": None}}])
    assert caller.get(f"/products/{product}")["categories"] is None
    assert caller.sandbox.counts()["products"] == 32


@pytest.mark.parametrize(
    "change",
    [
        {"op": "explode"},
        {},
        {"op": "edit_order"},
        {"op": "edit_order", "index": 10_000},
        {"op": "edit_order", "id": "ord_unknown"},
        {"op": "edit_order", "index": 0, "fields": {"items.9.name": "x"}},
        {"op": "set_order_status", "index": 0, "status": "DONE"},
        {"op": "resolve_dispute", "index": 0, "outcome": "DRAW"},
        {"op": "delete_product", "index": 30},
    ],
)
def test_a_change_that_cannot_be_applied_is_refused(sandbox: Sandbox, change: dict) -> None:
    with pytest.raises(ChangeRefused):
        sandbox.change([change])


def test_the_clock_can_be_stopped(sandbox: Sandbox) -> None:
    sandbox.set_clock(1_900_000_000_123)
    sandbox.change([{"op": "create_order"}, {"op": "create_order"}])
    moments = {order["createdAt"] for order in sandbox.dump("orders")[-2:]}
    assert moments == {"2030-03-17T17:46:40.123Z"}
    sandbox.set_clock(None)
    sandbox.change([{"op": "create_order"}])
    assert sandbox.dump("orders")[-1]["createdAt"] not in moments


def test_changes_tell_listeners(sandbox: Sandbox) -> None:
    heard: list[str] = []
    sandbox.state.listeners.append(lambda event: heard.append(event.type))
    sandbox.change(
        [
            {"op": "create_order", "status": "PENDING"},
            {"op": "set_order_status", "index": 650, "status": "COMPLETED"},
            {"op": "refund_order", "index": 650},
            {"op": "dispute_order", "index": 3},
            {"op": "resolve_dispute", "index": 3, "outcome": "LOST"},
        ]
    )
    assert heard == [
        "PAYMENT_PENDING",
        "PAYMENT_COMPLETED",
        "PAYMENT_REFUNDED",
        "PAYMENT_DISPUTED",
        "PAYMENT_DISPUTE_LOST",
    ]
