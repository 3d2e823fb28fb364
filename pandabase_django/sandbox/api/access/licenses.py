"""Licences, as the Store API lists and verifies them, and how a test changes them. Source: P-51.

Each belongs to the order that shows it; those of a pool that nobody has bought are made by a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.pages import page_of
from pandabase_django.sandbox.api.validation import Field, check_query
from pandabase_django.sandbox.http.wire import Response, failure, success
from pandabase_django.sandbox.seed.timeline import iso, parse_ms
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import order_detail

__all__ = [
    "create_license",
    "edit_license",
    "every_license",
    "get_license",
    "list_licenses",
    "verify_license",
]

_STATUSES = ("AVAILABLE", "CLAIMED", "REVOKED")
_MOST_ORDERS = 20_000
"""Of a larger store, only the newest seeded orders have licences here: each list reads all."""


def every_license(state: StoreState) -> list[Json]:
    """All licences, the newest first."""
    version = (state.orders.version, state.licenses_version)
    if state.licenses_known is None or state.licenses_known[0] != version:
        found = [*_of_orders(state), *map(deepcopy, state.pool_licenses)]
        for one in found:
            one.update(deepcopy(state.license_fields.get(one["id"], {})))
        found.sort(key=lambda one: (one["createdAt"], one["id"]), reverse=True)
        state.licenses_known = (version, found)
    return state.licenses_known[1]


def list_licenses(call: Call) -> Response:
    """Newest first."""
    query = call.request.query()
    identity = Field(str, low=12, high=48)
    check_query(query, {"status": Field(str, choices=_STATUSES), "productId": identity})
    status, product = query.get("status"), query.get("productId")
    found = [
        one
        for one in every_license(call.state)
        if status in (None, one["status"]) and product in (None, one["productId"])
    ]
    return page_of(call, found)


def get_license(call: Call) -> Response:
    """One licence, with its key."""
    for one in every_license(call.state):
        if one["id"] == call.ids["license"]:
            return success(one)
    return failure(404, "License not found")


def verify_license(call: Call) -> Response:
    """Whether a key is one of the store's, and of the product if one is named."""
    key, product = call.body["key"], call.body.get("productId")
    for one in every_license(call.state):
        if one["key"] == key and product in (None, one["productId"]):
            return success(
                {
                    "valid": one["status"] == "CLAIMED",
                    "status": one["status"],
                    "productId": one["productId"],
                    "customerId": one["customerId"],
                    "expiresAt": None,
                }
            )
    nothing = dict.fromkeys(("status", "productId", "customerId", "expiresAt"))
    return success({"valid": False, **nothing})


def create_license(state: StoreState, change: Json) -> list[str]:
    """A change: the pool of a product has one more, with this ``key``."""
    number, now_ms = state.new_runtime_index(), state.clock.now_ms()
    identity = state.ids.make("license", number)
    state.pool_licenses.append(
        {
            "id": identity,
            "key": change.get("key", f"SANDBOX-POOL-{number % 65_536:04X}"),
            "status": "AVAILABLE",
            "productId": state.ids.make("product", int(change.get("product", 0))),
            "variantId": None,
            "orderId": None,
            "customerId": None,
            "claimedAt": None,
            "createdAt": iso(now_ms),
        }
    )
    state.licenses_version += 1
    return [identity]


def edit_license(state: StoreState, change: Json) -> list[str]:
    """A change: the licence of this ``id`` is shown with these ``fields``."""
    identity = str(change["id"])
    if not any(one["id"] == identity for one in every_license(state)):
        raise LookupError(f"no such license: {identity!r}")
    state.license_fields.setdefault(identity, {}).update(deepcopy(change.get("fields", {})))
    state.licenses_version += 1
    return [identity]


def _of_orders(state: StoreState) -> Iterator[Json]:
    oldest = state.lifecycle.total - _MOST_ORDERS
    for index in state.orders.every_index():
        order = order_detail(state, index) if index >= oldest else None
        if order is None or not order.get("licenses"):
            continue
        taken_back = order["status"] in ("REFUNDED", "CHARGEBACK")
        created = order["createdAt"]
        variants = {item.get("productId"): item.get("variantId") for item in order["items"]}
        for one in order["licenses"]:
            yield {
                "id": one["id"],
                "key": one["key"],
                "status": "REVOKED" if taken_back else one["status"],
                "productId": one["productId"],
                "variantId": variants.get(one["productId"]),
                "orderId": order["id"],
                "customerId": (order["customer"] or {}).get("id"),
                "claimedAt": iso((parse_ms(created) or 0) + 2_000),
                "createdAt": created,
            }
