"""Meters of a product, as the Store API keeps them. Source: P-52.

A test's own changes give meters to any product.
"""

from __future__ import annotations

from typing import Any

from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.validation import Invalid
from pandabase_django.sandbox.http.wire import Response, failure, success
from pandabase_django.sandbox.seed.timeline import iso
from pandabase_django.sandbox.store.held import Item
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import item_form

__all__ = [
    "create_meter",
    "delete_meter",
    "get_meter",
    "list_meters",
    "meters_of",
    "patch_meter",
    "post_meter",
]

_MOST_METERS = 10
_FIXED = ("eventName", "aggregation", "settlement")


def meters_of(state: StoreState, product_id: str) -> dict[str, Json]:
    """The meters of a product by the name of their events."""
    shown = [item_form(item) for _, item in state.meters.every() if not item.deleted]
    return {one["eventName"]: one for one in shown if one["productId"] == product_id}


def list_meters(call: Call) -> Response:
    """All meters of a product, on one page."""
    return success({"items": list(meters_of(call.state, _product(call)).values())})


def post_meter(call: Call) -> Response:
    """A new meter."""
    product = _product(call)
    if not _is_by_usage(call):
        return failure(400, "Only a subscription product that is USAGE_BASED has meters")
    known = meters_of(call.state, product)
    if call.body["eventName"] in known:
        return failure(409, "The product has a meter of this name")
    if len(known) >= _MOST_METERS:
        return failure(400, "A product can have up to 10 meters")
    index = _add(call.state, product, call.body)
    return success(item_form(call.state.meters.touch(index)), status=201)


def get_meter(call: Call) -> Response:
    """One meter."""
    return success(item_form(_item(call)))


def patch_meter(call: Call) -> Response:
    """Change it; what counts is fixed once anything was counted."""
    item = _item(call)
    if item.payload["id"] in call.state.usage.metered and any(
        name in call.body and call.body[name] != item.payload[name] for name in _FIXED
    ):
        return failure(409, "Usage was reported against this meter")
    item.payload.update(call.body, updatedAt=iso(call.state.clock.now_ms()))
    return success(item_form(item))


def delete_meter(call: Call) -> Response:
    """Delete one that nothing was reported against."""
    item = _item(call)
    if item.payload["id"] in call.state.usage.metered:
        return failure(409, "Usage was reported against this meter")
    item.deleted = True
    return success({"deleted": True})


def create_meter(state: StoreState, change: Json) -> list[str]:
    """A change: a meter of this ``event`` for the ``product`` of this index, or ``product_id``."""
    product = str(
        change.get("product_id") or state.ids.make("product", int(change.get("product", 0)))
    )
    index = _add(state, product, {"eventName": change["event"], **change.get("fields", {})})
    return [state.ids.make("meter", index)]


def _add(state: StoreState, product_id: str, body: Json) -> int:
    now_ms = state.clock.now_ms()

    def make(index: int) -> Item:
        payload: dict[str, Any] = {
            "id": state.ids.make("meter", index),
            "productId": product_id,
            "unitPrice": 1,
            "unitQuantity": 1,
            "aggregation": "SUM",
            "settlement": "ARREARS",
            "includedUnits": None,
            **body,
            "createdAt": iso(now_ms),
            "updatedAt": iso(now_ms),
        }
        return Item(payload, created_ms=now_ms, updated_ms=now_ms)

    return state.meters.add(make)


def _product(call: Call) -> str:
    item = call.state.products.find(call.index("product"))
    if item is None or item.deleted:
        raise Invalid("Product not found", status=404)
    return str(item.payload["id"])


def _is_by_usage(call: Call) -> bool:
    item = call.state.products.find(call.index("product"))
    shown = item_form(item) if item else {}
    kind = (shown.get("productType"), shown.get("pricingModel"))
    return kind == ("SUBSCRIPTION", "USAGE_BASED")


def _item(call: Call) -> Item:
    product = _product(call)
    index = call.index("meter")
    item = call.state.meters.find(index)
    if item is None or item.deleted or item.payload["productId"] != product:
        raise Invalid("Meter not found", status=404)
    return call.state.meters.touch(index)
