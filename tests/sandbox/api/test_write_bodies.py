"""No write takes a field that the vendor's description does not have."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pandabase_django.sandbox.api.bodies import BODIES
from pandabase_django.sandbox.api.routes import OPERATIONS
from pandabase_django.sandbox.api.validation import Field
from tests.facts.store_api import FACTS, shape
from tests.sandbox.conftest import Caller

WRITES = [operation for operation in OPERATIONS if operation.method != "GET"]


@pytest.mark.fact(46)
@pytest.mark.parametrize("body", [{"amount": 500}, {"reason": "DUPLICATE", "amount": 500}])
def test_a_refund_takes_no_amount(caller: Caller, body: dict[str, Any]) -> None:
    order = caller.get("/orders?status=COMPLETED&limit=1")["items"][0]["id"]
    response = caller.send("POST", f"/refunds/orders/{order}", body=body)
    assert response.status_code == 422
    assert "amount" in response.json()["error"]
    assert caller.get(f"/orders/{order}")["status"] == "COMPLETED"


@pytest.mark.parametrize("operation", WRITES, ids=lambda found: f"{found.method} {found.path}")
def test_every_write_refuses_an_unknown_field(caller: Caller, operation: Any) -> None:
    path = "/" + re.sub(r"{\w+}", "x", operation.path)
    response = caller.send(operation.method, path, body={"surprise": 1})
    assert response.status_code == 422
    assert response.json()["error"] == "Unknown fields: surprise"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/products", {"variants": [{"title": "x", "colour": "red"}]}),
        ("/products", {"options": [{"name": "x", "values": ["y"], "colour": "red"}]}),
        ("/usage", {"events": [{"event_name": "x", "quantity": 1, "amount": 5}]}),
    ],
)
def test_nor_an_unknown_field_inside_a_list(caller: Caller, path: str, body: Any) -> None:
    whole = {"title": "x", "price": 1, "productType": "LICENSE_KEY"}
    if path == "/usage":
        whole = {"subscription_id": "sub_0123456789"}
    assert caller.send("POST", path, body={**whole, **body}).status_code == 422


NEW = {"title": "x", "price": 1, "productType": "LICENSE_KEY"}
COUPON = {"code": "AB", "type": "FIXED", "value": 1}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/products", {**NEW, "availableFrom": "2026-01-01"}),
        ("/products", {**NEW, "availableFrom": "2026-02-30T00:00:00Z"}),
        ("/products", {**NEW, "availableFrom": "2026-01-01T00:00:00"}),
        ("/products", {**NEW, "subtitle": None}),
        ("/products", {**NEW, "price": 1.5}),
        ("/products", {**NEW, "price": True}),
        ("/products", {**NEW, "variants": [{"title": "x", "price": 1}]}),
        ("/products", {**NEW, "variants": [{"title": "x", "options": {}, "price": None}]}),
        ("/categories", {"name": "Tools", "parentId": "short"}),
        ("/coupons", {**COUPON, "expiresAt": None}),
        ("/coupons", {**COUPON, "code": "A B"}),
        ("/webhooks", {"url": "https://", "eventTypes": ["PAYMENT_COMPLETED"]}),
        ("/webhooks", {"url": "https://a b/", "eventTypes": ["PAYMENT_COMPLETED"]}),
        ("/webhooks", {"url": "https://\u00e4/", "eventTypes": ["PAYMENT_COMPLETED"]}),
        ("/webhooks", {"url": "https://a/%2", "eventTypes": ["PAYMENT_COMPLETED"]}),
        ("/products", None),
        ("/products", b"null"),
        ("/products", b"[]"),
    ],
)
def test_what_the_description_does_not_allow_is_422(caller: Caller, path: str, body: Any) -> None:
    count = len(caller.everything(path))
    assert caller.send("POST", path, body=body).status_code == 422
    assert len(caller.everything(path)) == count


@pytest.mark.parametrize(
    "field",
    [
        {"price": 1500.0},
        {"availableFrom": "2026-01-01t02:03:04.5678901+05:30"},
        {"title": "名" * 256},
        {"variants": [{"title": "x", "options": None, "price": 0}]},
        {"compareAtPrice": 10**30},
    ],
)
def test_what_it_allows_is_taken_however_odd(caller: Caller, field: dict[str, Any]) -> None:
    response = caller.send("POST", "/products", body={**NEW, **field})
    assert response.status_code == 201
    assert caller.get(f"/products/{response.json()['data']['id']}") == response.json()["data"]


@pytest.mark.fact(25)
@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-01-01t02:03:04.5678901+05:30", "2025-12-31T20:33:04.567Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z"),
        ("0001-01-01T00:00:00-00:00", "0001-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_answered_as_all_are(caller: Caller, given: str, shown: str) -> None:
    made = caller.send("POST", "/coupons", body={**COUPON, "startsAt": given}).json()["data"]
    assert made["startsAt"] == shown
    assert caller.get(f"/coupons/{made['id']}") == made


def test_a_coupon_for_no_certain_products_is_for_all(caller: Caller) -> None:
    pk = caller.send("POST", "/coupons", body=COUPON).json()["data"]["id"]
    changed = caller.send("PATCH", f"/coupons/{pk}", body={"productIds": None, "value": 100})
    assert changed.json()["data"]["productIds"] == []
    line = {"name": "A book", "amount": 5000, "quantity": 1}
    path = f"/v2/stores/{caller.sandbox.store_id}/checkouts"
    opened = caller.send("POST", path, body={"items": [line], "coupon_code": "AB"})
    assert opened.json()["data"]["discount_amount"] == 100


def test_1500_point_0_is_the_integer_that_it_is(caller: Caller) -> None:
    made = caller.send("POST", "/products", body={**NEW, "price": 1500.0})
    assert b'"price":1500,' in made.content


@pytest.mark.parametrize(
    "body", [b"{", b'{"price": NaN}', b'{"price": 1e999}', b"\xff\xfe{\x00}\x00", b"[" * 100_000]
)
def test_what_is_not_json_is_refused(caller: Caller, body: bytes) -> None:
    assert caller.send("POST", "/products", body=body).status_code in (400, 422)


def test_a_change_may_set_to_null_what_a_new_object_may_not(caller: Caller) -> None:
    pk = caller.get("/products")["items"][0]["id"]
    cleared = caller.send(
        "PATCH", f"/products/{pk}", body={"subtitle": None, "maxPerCustomer": None}
    )
    assert (cleared.json()["data"]["subtitle"], cleared.status_code) == (None, 200)
    assert caller.send("PATCH", f"/products/{pk}", body={"title": None}).status_code == 422


def test_a_subscription_product_needs_an_interval(caller: Caller) -> None:
    body = {**NEW, "productType": "SUBSCRIPTION"}
    assert caller.send("POST", "/products", body=body).status_code == 400
    assert caller.send("POST", "/products", body={**body, "billingInterval": "MONTHLY"}).ok


def test_only_a_subscription_by_usage_has_meters(caller: Caller) -> None:
    meter = {"eventName": "tokens", "unitPrice": 1, "aggregation": "SUM"}
    kinds = [
        (NEW, 400),
        ({**NEW, "productType": "SUBSCRIPTION", "billingInterval": "MONTHLY"}, 400),
        (
            {
                **NEW,
                "productType": "SUBSCRIPTION",
                "billingInterval": "MONTHLY",
                "pricingModel": "USAGE_BASED",
            },
            201,
        ),
    ]
    for body, status in kinds:
        pk = caller.send("POST", "/products", body=body).json()["data"]["id"]
        assert caller.send("POST", f"/products/{pk}/meters", body=meter).status_code == status


def test_bodies_are_the_vendors() -> None:
    found = {
        (each.method, shape(each.path)): _names(BODIES.get((each.method, each.path), {}))
        for each in WRITES
    }
    assert found == {(fact.method, fact.path): fact.body for fact in FACTS if fact.method != "GET"}


def _names(fields: dict[str, Field] | None) -> dict[str, Any]:
    assert fields is not None
    return {
        name: _names(field.each) if isinstance(field.each, dict) else None
        for name, field in fields.items()
    }
