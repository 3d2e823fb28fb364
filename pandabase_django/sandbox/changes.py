"""What a test can do to the store while it runs: a list of changes, applied in order."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from pandabase_django.sandbox.bodies import EVENT_TYPES
from pandabase_django.sandbox.book import Book, Record
from pandabase_django.sandbox.catalog_writes import (
    create_category,
    create_product,
    update_category,
    update_product,
)
from pandabase_django.sandbox.lifecycle import ORDER_STATUSES, Slot
from pandabase_django.sandbox.order_writes import (
    dispute_order,
    refund_order,
    resolve_dispute,
    set_order_status,
)
from pandabase_django.sandbox.shapes import Json, set_path
from pandabase_django.sandbox.shelf import Item, Shelf
from pandabase_django.sandbox.state import StoreState
from pandabase_django.sandbox.timeline import iso, parse_ms

__all__ = ["ChangeRefused", "apply_changes"]


class ChangeRefused(Exception):
    """A change names an unknown operation or object, or lacks an argument."""


def apply_changes(state: StoreState, changes: list[Json]) -> list[str]:
    """Apply changes in order, all under the state's lock, and return the ids they touched.

    Raises:
        ChangeRefused: One of them can't be applied; those before it stay applied.
    """
    touched: list[str] = []
    with state.lock:
        for change in changes:
            operation = _OPERATIONS.get(str(change.get("op")))
            if operation is None:
                known = ", ".join(sorted(_OPERATIONS))
                raise ChangeRefused(f"unknown op {change.get('op')!r}; known are {known}")
            try:
                touched.extend(operation(state, change))
            except (LookupError, TypeError, ValueError) as error:
                raise ChangeRefused(f"{change.get('op')}: {error}") from error
    return touched


def _index(state: StoreState, change: Json, *kinds: str) -> tuple[str, int]:
    """The target of a change: ``id``, or ``index`` of the first kind (negative: from the end)."""
    if "id" in change:
        for kind in kinds:
            index = state.ids.index_of(kind, str(change["id"]))
            if index is not None:
                return kind, index
        raise LookupError(f"no {kinds[0]} has the id {change['id']!r}")
    index = int(change["index"])
    totals = {
        "order": state.size.orders,
        "product": state.size.products,
        "category": state.size.categories,
    }
    return kinds[0], index + totals.get(kinds[0], 0) if index < 0 else index


def _create_orders(state: StoreState, change: Json) -> list[str]:
    status = str(change.get("status", "COMPLETED"))
    if status not in ORDER_STATUSES:
        raise ValueError(f"status {status!r} is not one of {', '.join(ORDER_STATUSES)}")
    return [_create_order(state, change, status) for _ in range(int(change.get("count", 1)))]


def _create_order(state: StoreState, change: Json, status: str) -> str:
    fields: Json = change.get("fields", {})
    index = state.new_order_index()
    created_ms = parse_ms(fields.get("createdAt"))
    if created_ms is None:
        created_ms = state.clock.now_ms()
    slot = Slot(status)
    payload = state.sales.detail(index, slot=slot, created_ms=created_ms)
    payload["updatedAt"] = payload["createdAt"]
    record = Record(payload, sort_ms=created_ms, hidden=bool(change.get("hidden", False)))
    _write(record.payload, fields)
    state.orders.add(index, record)
    customer = state.people.customer_of(index)
    state.customer_orders.setdefault(customer, []).append(index)
    if status == "COMPLETED":
        state.ledger.book(
            "PAYMENT_RECEIVED",
            amount=state.sales.detail(index, slot=slot, created_ms=0)["payment"]["settledAmount"],
            reference_id=state.ids.make("payment", index),
            description=f"Payment received: order {state.ids.order_number(index)}",
            at_ms=created_ms,
        )
    state.emit(f"PAYMENT_{_EVENT_OF_STATUS.get(status, 'COMPLETED')}", index)
    return state.ids.make("order", index)


_EVENT_OF_STATUS = {
    "PENDING": "PENDING",
    "PROCESSING": "PROCESSING",
    "FAILED": "FAILED",
    "CANCELLED": "FAILED",
    "REFUNDED": "REFUNDED",
    "CHARGEBACK": "DISPUTED",
}


def _edit_order(state: StoreState, change: Json) -> list[str]:
    _, index = _index(state, change, "order")
    record = state.orders.touch(index)
    fields: Json = change.get("fields", {})
    if change.get("touch", True):
        record.payload["updatedAt"] = iso(state.clock.now_ms())
    _write(record.payload, fields)
    record.list_fields.update(deepcopy(change.get("list_fields", {})))
    moved_ms = parse_ms(fields.get("createdAt"))
    if moved_ms is not None:
        record.sort_ms = moved_ms
    return [state.ids.make("order", index)]


def _write(payload: Json, fields: Json) -> None:
    for path, value in deepcopy(fields).items():
        set_path(payload, path, value)


def _set_order_status(state: StoreState, change: Json) -> list[str]:
    _, index = _index(state, change, "order")
    set_order_status(state, index, status=str(change["status"]))
    return [state.ids.make("order", index)]


def _refund_order(state: StoreState, change: Json) -> list[str]:
    _, index = _index(state, change, "order")
    refund = refund_order(
        state,
        index,
        reason=change.get("reason", "REQUESTED_BY_CUSTOMER"),
        amount=change.get("amount"),
        status=str(change.get("status", "COMPLETED")),
    )
    return [state.ids.make("order", index), refund]


def _dispute_order(state: StoreState, change: Json) -> list[str]:
    _, index = _index(state, change, "order")
    dispute = dispute_order(state, index, reason=str(change.get("reason", "FRAUDULENT")))
    return [state.ids.make("order", index), dispute]


def _resolve_dispute(state: StoreState, change: Json) -> list[str]:
    kind, index = _index(state, change, "order", "dispute")
    if kind == "order":
        index = state.disputes.of_order(index)[-1]
    return resolve_dispute(state, index, outcome=str(change.get("outcome", "WON")))


def _edit_of_order(kind: str) -> Callable[[StoreState, Json], list[str]]:
    def edit(state: StoreState, change: Json) -> list[str]:
        _, index = _index(state, change, kind)
        book: Book = state.refunds if kind == "refund" else state.disputes
        record = book.touch(index)
        fields: Json = deepcopy(change.get("fields", {}))
        for path, value in fields.items():
            if path in record.payload:
                record.payload[path] = value
            else:
                record.fields[path] = value
        record.list_fields.update(deepcopy(change.get("list_fields", {})))
        return [state.ids.make(kind, index)]

    return edit


def _flag_order(name: str, value: bool) -> Callable[[StoreState, Json], list[str]]:
    def flag(state: StoreState, change: Json) -> list[str]:
        _, index = _index(state, change, "order")
        setattr(state.orders.touch(index), name, value)
        return [state.ids.make("order", index)]

    return flag


def _flag_shelf(kind: str, name: str, value: bool) -> Callable[[StoreState, Json], list[str]]:
    def flag(state: StoreState, change: Json) -> list[str]:
        _, index = _index(state, change, kind)
        setattr(_shelf(state, kind).touch(index), name, value)
        state.products.changed()
        return [state.ids.make(kind, index)]

    return flag


def _create_on_shelf(kind: str) -> Callable[[StoreState, Json], list[str]]:
    def create(state: StoreState, change: Json) -> list[str]:
        fields: Json = dict(change.get("fields", {}))
        made = []
        for _ in range(int(change.get("count", 1))):
            if kind == "product":
                body = {"title": "New product", "price": 1500, "productType": "LICENSE_KEY"}
                index = create_product(state, {**body, **_writable(fields)})
            else:
                index = create_category(state, {"name": "New category", **_writable(fields)})
            _force(_shelf(state, kind).touch(index), fields)
            made.append(state.ids.make(kind, index))
        return made

    return create


def _edit_on_shelf(kind: str) -> Callable[[StoreState, Json], list[str]]:
    def edit(state: StoreState, change: Json) -> list[str]:
        _, index = _index(state, change, kind)
        fields: Json = change.get("fields", {})
        touch = bool(change.get("touch", True))
        if kind == "product":
            update_product(state, index, _writable(fields), touch=touch)
        else:
            update_category(state, index, {}, touch=touch)
        _force(_shelf(state, kind).touch(index), fields)
        state.products.changed()
        return [state.ids.make(kind, index)]

    return edit


def _writable(fields: Json) -> Json:
    """What goes through the ordinary write; the rest is forced on as it is."""
    return {
        key: fields[key] for key in ("variants", "categoryIds") if isinstance(fields.get(key), list)
    }


def _force(item: Item, fields: Json) -> None:
    for path, value in deepcopy(fields).items():
        if path in ("variants", "categoryIds") and isinstance(value, list):
            item.fields.pop("variants" if path == "variants" else "categories", None)
        elif path in item.payload and path not in ("variants", "categories"):
            item.payload[path] = value
        else:
            item.fields[path] = value


def _shelf(state: StoreState, kind: str) -> Shelf:
    return state.products if kind == "product" else state.categories


def _send_event(state: StoreState, change: Json) -> list[str]:
    """Tell of something that did not happen: nothing of the store changes."""
    _, index = _index(state, change, "order")
    event_type = str(change.get("type"))
    if event_type not in EVENT_TYPES:
        raise ValueError(f"type {event_type!r} is not one of {', '.join(EVENT_TYPES)}")
    if state.orders.find(index) is None:
        raise LookupError(f"no order with index {index}")
    subscription = str(change.get("subscription", ""))
    return [
        state.emit(event_type, index, subscription=subscription)
        for _ in range(int(change.get("count", 1)))
    ]


def _edit_store(state: StoreState, change: Json) -> list[str]:
    state.store_fields.update(deepcopy(change.get("fields", {})))
    return [state.store_id]


_OPERATIONS: dict[str, Callable[[StoreState, Any], list[str]]] = {
    "create_order": _create_orders,
    "edit_order": _edit_order,
    "set_order_status": _set_order_status,
    "refund_order": _refund_order,
    "dispute_order": _dispute_order,
    "resolve_dispute": _resolve_dispute,
    "hide_order": _flag_order("hidden", True),
    "show_order": _flag_order("hidden", False),
    "remove_order": _flag_order("removed", True),
    "edit_refund": _edit_of_order("refund"),
    "edit_dispute": _edit_of_order("dispute"),
    "create_product": _create_on_shelf("product"),
    "edit_product": _edit_on_shelf("product"),
    "delete_product": _flag_shelf("product", "deleted", True),
    "undelete_product": _flag_shelf("product", "deleted", False),
    "hide_product": _flag_shelf("product", "hidden", True),
    "show_product": _flag_shelf("product", "hidden", False),
    "create_category": _create_on_shelf("category"),
    "edit_category": _edit_on_shelf("category"),
    "delete_category": _flag_shelf("category", "deleted", True),
    "undelete_category": _flag_shelf("category", "deleted", False),
    "edit_store": _edit_store,
    "send_event": _send_event,
}
