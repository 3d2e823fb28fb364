"""What a test can do to the store while it runs: a list of changes, applied in order."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

from pandabase_django.sandbox.api.access.changes import ACCESS_CHANGES
from pandabase_django.sandbox.api.bodies import EVENT_TYPES
from pandabase_django.sandbox.api.cases import CASE_CHANGES
from pandabase_django.sandbox.api.customers import edit_customer, remove_customer
from pandabase_django.sandbox.api.order_writes import (
    dispute_order,
    refund_order,
    resolve_dispute,
    set_order_status,
)
from pandabase_django.sandbox.api.payouts import create_payout, edit_payout, remove_payout
from pandabase_django.sandbox.api.reports.requests import REPORT_CHANGES
from pandabase_django.sandbox.api.usage.events import forget_usage
from pandabase_django.sandbox.api.usage.meters import create_meter
from pandabase_django.sandbox.checkout.changes import expire_checkout, open_checkout, pay_checkout
from pandabase_django.sandbox.control.item_changes import ITEM_CHANGES
from pandabase_django.sandbox.control.target import target_of
from pandabase_django.sandbox.seed.lifecycle import ORDER_STATUSES, Slot
from pandabase_django.sandbox.seed.timeline import iso, parse_ms
from pandabase_django.sandbox.settings import Settings
from pandabase_django.sandbox.store.dated import DatedRecords, Record
from pandabase_django.sandbox.store.renaming import renaming
from pandabase_django.sandbox.store.shapes import Json, set_path
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["ChangeRefused", "apply_changes"]


_Operation = Callable[[StoreState, Any], list[str]]


class ChangeRefused(Exception):
    """A change names an unknown operation or object, or lacks an argument.

    Or a test's helper was to do what Pandabase never does.
    """


def apply_changes(state: StoreState, changes: list[Json], *, settings: Settings) -> list[str]:
    """Apply changes in order, all under the state's lock, and return the ids they touched.

    Raises:
        ChangeRefused: One of them can't be applied; those before it stay applied.
    """
    operations: dict[str, _Operation] = {
        **_OPERATIONS,
        "open_checkout": partial(open_checkout, settings=settings),
        "pay_checkout": partial(pay_checkout, settings=settings),
    }
    touched: list[str] = []
    with state.lock:
        state.changing()
        for change in changes:
            operation = operations.get(str(change.get("op")))
            if operation is None:
                known = ", ".join(sorted(operations))
                raise ChangeRefused(f"unknown op {change.get('op')!r}; known are {known}")
            try:
                touched.extend(operation(state, change))
            except (LookupError, TypeError, ValueError) as error:
                raise ChangeRefused(f"{change.get('op')}: {error}") from error
    return touched


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
    _, index = target_of(state, change, "order")
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


def _fail_fulfillment(state: StoreState, change: Json) -> list[str]:
    _, index = target_of(state, change, "order")
    state.unfulfilled.add(index)
    return [state.ids.make("order", index)]


def _write(payload: Json, fields: Json) -> None:
    for path, value in deepcopy(fields).items():
        set_path(payload, path, value)


def _set_order_status(state: StoreState, change: Json) -> list[str]:
    _, index = target_of(state, change, "order")
    set_order_status(state, index, status=str(change["status"]))
    return [state.ids.make("order", index)]


def _refund_order(state: StoreState, change: Json) -> list[str]:
    _, index = target_of(state, change, "order")
    refund = refund_order(
        state,
        index,
        reason=change.get("reason", "REQUESTED_BY_CUSTOMER"),
        amount=change.get("amount"),
        status=str(change.get("status", "COMPLETED")),
    )
    return [state.ids.make("order", index), refund]


def _dispute_order(state: StoreState, change: Json) -> list[str]:
    _, index = target_of(state, change, "order")
    dispute = dispute_order(state, index, reason=str(change.get("reason", "FRAUDULENT")))
    return [state.ids.make("order", index), dispute]


def _resolve_dispute(state: StoreState, change: Json) -> list[str]:
    kind, index = target_of(state, change, "order", "dispute")
    if kind == "order":
        index = state.disputes.of_order(index)[-1]
    return resolve_dispute(state, index, outcome=str(change.get("outcome", "WON")))


def _edit_of_order(kind: str) -> Callable[[StoreState, Json], list[str]]:
    def edit(state: StoreState, change: Json) -> list[str]:
        _, index = target_of(state, change, kind)
        dated: DatedRecords = state.refunds if kind == "refund" else state.disputes
        record = dated.touch(index)
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
        _, index = target_of(state, change, "order")
        setattr(state.orders.touch(index), name, value)
        return [state.ids.make("order", index)]

    return flag


def _send_event(state: StoreState, change: Json) -> list[str]:
    """Send an event of something that did not happen: nothing of the store changes.

    It is about an order, or about a ``subscription`` alone.
    """
    event_type = str(change.get("type"))
    if event_type not in EVENT_TYPES:
        raise ValueError(f"type {event_type!r} is not one of {', '.join(EVENT_TYPES)}")
    subscription = str(change.get("subscription", ""))
    if "id" in change or "index" in change:
        _, index = target_of(state, change, "order")
        if state.orders.find(index) is None:
            raise LookupError(f"no order with index {index}")
    else:
        found = state.ids.index_of("subscription", subscription)
        if found is None or state.subscriptions.find(found) is None:
            raise LookupError(f"no subscription {subscription!r}, and no order")
        index = found
    return [
        state.emit(event_type, index, subscription=subscription)
        for _ in range(int(change.get("count", 1)))
    ]


def _edit_store(state: StoreState, change: Json) -> list[str]:
    state.store_fields.update(deepcopy(change.get("fields", {})))
    return [state.store_id]


_OPERATIONS: dict[str, _Operation] = {
    "create_order": _create_orders,
    "edit_order": _edit_order,
    "set_order_status": _set_order_status,
    "refund_order": _refund_order,
    "dispute_order": _dispute_order,
    "fail_fulfillment": _fail_fulfillment,
    "resolve_dispute": _resolve_dispute,
    "hide_order": _flag_order("hidden", True),
    "show_order": _flag_order("hidden", False),
    "remove_order": _flag_order("removed", True),
    "edit_refund": _edit_of_order("refund"),
    "edit_dispute": _edit_of_order("dispute"),
    "expire_checkout": expire_checkout,
    "create_payout": create_payout,
    "edit_entry": lambda state, change: state.ledger.edit(change),
    "edit_payout": edit_payout,
    "remove_entry": lambda state, change: state.ledger.remove(change),
    "repeat_entry": lambda state, change: state.ledger.repeat(change),
    "remove_payout": remove_payout,
    "create_meter": create_meter,
    "forget_usage": forget_usage,
    "edit_customer": edit_customer,
    "remove_customer": remove_customer,
    "rename_order": renaming("order"),
    "rename_product": renaming("product"),
    "rename_category": renaming("category"),
    "edit_store": _edit_store,
    "send_event": _send_event,
    **ITEM_CHANGES,
    **ACCESS_CHANGES,
    **CASE_CHANGES,
    **REPORT_CHANGES,
}
