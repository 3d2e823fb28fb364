"""What a reader sees of any object: seeded state, changes and forced values put together.

Called with the state's lock held. Each function answers None for an object that is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pandabase_django.sandbox.seed.timeline import START_MS, iso
from pandabase_django.sandbox.store.dated import Record
from pandabase_django.sandbox.store.held import Item
from pandabase_django.sandbox.store.shapes import (
    Json,
    copy_json,
    dump_json,
    order_item,
    order_reference,
    payment_detail,
    payment_item,
    set_path,
)
from pandabase_django.sandbox.store.state import StoreState

__all__ = [
    "customer_form",
    "dispute_form",
    "item_form",
    "listed_customers",
    "order_detail",
    "order_item_json",
    "payment_form",
    "product_form",
    "refund_form",
    "store_form",
]


def store_form(state: StoreState) -> Json:
    """The store's own record."""
    sold = state.orders.sequence(
        "COMPLETED",
        slots=lambda slot: slot.status == "COMPLETED",
        records=lambda record: record.payload.get("status") == "COMPLETED",
    )
    return {
        "id": state.store_id,
        "title": "Sandbox Store",
        "handle": "sandbox-store",
        "description": "An invented store: nothing here is real.",
        "country": "US",
        "currency": "USD",
        "sales": sold.count,
        "balance": state.ledger.balance,
        "statementDescriptor": "SANDBOX STORE",
        "createdAt": iso(START_MS),
        **state.store_fields,
    }


def order_detail(state: StoreState, index: int) -> Json | None:
    """An order as its own GET shows it."""
    record = state.orders.find(index)
    if record is None:
        return None
    if state.orders.touched(index) is None:
        return record.payload  # computed for this call: nobody else holds it
    return record.force(copy_json(record.payload), in_list=False)


def order_item_json(state: StoreState, index: int) -> str:
    """An order as lists show it, as JSON text."""
    record = state.orders.touched(index)
    if record is None:
        return state.sales.list_json(
            index,
            slot=state.lifecycle.slot(index),
            created_ms=state.timeline.created_ms(index),
        )
    return dump_json(record.force(copy_json(order_item(record.payload)), in_list=True))


def payment_form(state: StoreState, index: int, *, detail: bool) -> Json | None:
    """The payment of an order."""
    order = order_detail(state, index)
    if order is None or not isinstance(order.get("payment"), dict):
        return None
    geo = state.sales.geo(index)
    if not detail:
        return payment_item(order, country=geo["country"])
    dispute = dispute_form(state, index, detail=False)
    return payment_detail(order, customer=_named_customer(state, order), geo=geo, dispute=dispute)


def refund_form(state: StoreState, index: int, *, detail: bool) -> Json | None:
    """A refund with the order it belongs to. Source: P-23."""
    record = state.refunds.find(index)
    if record is None:
        return None
    order = order_detail(state, record.order_index) or {}
    shown = dict(record.payload)
    if detail:
        shown["order"] = order_reference(order, "status", "amount", "currency")
        shown["order"]["customer"] = _named_customer(state, order, without=("guest",))
    else:
        del shown["updatedAt"]
        shown["order"] = order_reference(order, "customer")
    if state.refunds.touched(index) is None:
        return shown
    return record.force(copy_json(shown), in_list=not detail)


def dispute_form(state: StoreState, index: int, *, detail: bool) -> Json | None:
    """A dispute with the order it belongs to. Source: P-23."""
    record = state.disputes.find(index)
    if record is None:
        return None
    order = order_detail(state, record.order_index) or {}
    shown = dict(record.payload)
    if detail:
        shown["order"] = order_reference(order, "status", "amount", "currency")
        shown["order"]["customer"] = _named_customer(state, order)
    else:
        del shown["updatedAt"], shown["method"]
        shown["order"] = order_reference(order, "status", "customer")
    if state.disputes.touched(index) is None:
        return shown
    return record.force(copy_json(shown), in_list=not detail)


def customer_form(state: StoreState, customer: int) -> Json:
    """A customer with what they bought: only orders that were paid and kept count as spent."""
    indexes = state.people.orders_of(customer) + state.customer_orders.get(customer, [])
    orders = [found for found in (state.orders.find(index) for index in indexes) if found]
    return {
        **state.people.named(customer),
        "totalSpent": sum(_spent(record) for record in orders),
        "orderCount": len(orders),
        "createdAt": iso(customer_created_ms(state, customer)),
        **copy_json(state.customer_fields.get(customer, {})),
    }


def listed_customers(state: StoreState) -> Sequence[int]:
    """The indexes of the customers that are there, the oldest first."""
    every = range(state.customer_count())
    gone = state.removed_customers
    return [index for index in every if index not in gone] if gone else every


def customer_created_ms(state: StoreState, customer: int) -> int:
    """When a customer first bought, in milliseconds since 1970."""
    if state.lifecycle.total == 0:
        return START_MS
    return state.timeline.created_ms(state.people.first_order(customer))


def product_form(state: StoreState, item: Item, *, timestamps: bool) -> Json:
    """A product, the same in lists and alone. Source: P-20."""
    shown = copy_json(item.payload)
    shown["categories"] = [
        reference
        for identity in item.category_ids
        if (reference := _category_reference(state, identity)) is not None
    ]
    if timestamps:
        shown["createdAt"] = iso(item.created_ms)
        shown["updatedAt"] = iso(item.updated_ms)
    return _forced(shown, item)


def item_form(item: Item) -> Json:
    """An object that is shown as it is held: a category or a payout, in lists and alone."""
    return _forced(copy_json(item.payload), item)


def _forced(shown: Json, item: Item) -> Json:
    for path, value in item.fields.items():
        set_path(shown, path, value)
    return shown


def _category_reference(state: StoreState, identity: str) -> Json | None:
    index = state.ids.index_of("category", identity)
    item = None if index is None else state.categories.find(index)
    if item is None or item.deleted:
        return None
    return {key: item.payload[key] for key in ("id", "name", "slug")}


def _named_customer(state: StoreState, order: Json, *, without: tuple[str, ...] = ()) -> Any:
    customer = order.get("customer")
    if not isinstance(customer, dict) or "id" not in customer:
        return customer
    index = state.ids.index_of("customer", str(customer["id"]))
    named = state.people.named(index) if index is not None else {}
    known = state.customer_fields.get(-1 if index is None else index, {})
    named = {key: known.get(key, value) for key, value in named.items()}
    return {key: value for key, value in {**named, **customer}.items() if key not in without}


def _spent(record: Record) -> int:
    amount = record.payload.get("amount")
    if record.payload.get("status") != "COMPLETED" or not isinstance(amount, int):
        return 0
    return amount
