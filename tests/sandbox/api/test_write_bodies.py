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
