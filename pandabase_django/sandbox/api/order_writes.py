"""What moves an order from state to state, with the refunds, disputes and money that go along.

Source: P-27, P-28. Nothing here asks whether a move is allowed: the Store API's own writes ask
before they call, and a test may want the impossible.
"""

from __future__ import annotations

from typing import Any

from pandabase_django.sandbox.api.access.renewals import end_with_refund
from pandabase_django.sandbox.seed.lifecycle import DISPUTE_STATUSES, ORDER_STATUSES, payment_status
from pandabase_django.sandbox.seed.timeline import iso
from pandabase_django.sandbox.store.dated import Record
from pandabase_django.sandbox.store.shapes import dispute_payload, refund_payload
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["dispute_order", "refund_order", "resolve_dispute", "set_order_status"]

_EVENTS = {
    "PENDING": "PAYMENT_PENDING",
    "PROCESSING": "PAYMENT_PROCESSING",
    "COMPLETED": "PAYMENT_COMPLETED",
    "CANCELLED": "PAYMENT_FAILED",
    "FAILED": "PAYMENT_FAILED",
    "REFUNDED": "PAYMENT_REFUNDED",
    "CHARGEBACK": "PAYMENT_DISPUTED",
}


def set_order_status(state: StoreState, index: int, *, status: str) -> None:
    """Move an order and its payment to a status.

    Raises:
        ValueError: The status is not one of the seven.
        LookupError: There is no such order.
    """
    if status not in ORDER_STATUSES:
        raise ValueError(f"status {status!r} is not one of {', '.join(ORDER_STATUSES)}")
    _move(state, index, status)
    state.emit(_EVENTS[status], index)


def refund_order(
    state: StoreState, index: int, *, reason: Any, amount: int | None = None, status: str
) -> str:
    """Refund an order, fully unless ``amount`` (cents) is given; returns the refund's id.

    A subscription that it paid for is cancelled at once.

    Raises:
        LookupError: There is no such order.
    """
    order = _move(state, index, "REFUNDED").payload
    now_ms = state.clock.now_ms()
    number = state.new_runtime_index()
    refunded = order["amount"] if amount is None else amount
    payload = refund_payload(
        state.ids.make("refund", number),
        amount=refunded,
        status=status,
        reason=reason,
        created_ms=now_ms,
        updated_ms=now_ms,
    )
    state.refunds.add(number, Record(payload, sort_ms=now_ms, order_index=index))
    _book(state, index, "REFUND_INSTANT", -_cents(refunded), now_ms)
    state.emit("PAYMENT_REFUNDED", index)
    end_with_refund(state, index)
    return state.ids.make("refund", number)


def dispute_order(state: StoreState, index: int, *, reason: str) -> str:
    """Open a dispute about an order; returns the dispute's id.

    Raises:
        LookupError: There is no such order.
    """
    order = _move(state, index, "CHARGEBACK").payload
    now_ms = state.clock.now_ms()
    number = state.new_runtime_index()
    payload = dispute_payload(
        state.ids.make("dispute", number),
        order,
        status="AWAITING_REVIEW",
        reason=reason,
        created_ms=now_ms,
    )
    state.disputes.add(number, Record(payload, sort_ms=now_ms, order_index=index))
    _book(state, index, "DISPUTE_CREATED", -_cents(order["amount"]), now_ms)
    state.emit("PAYMENT_DISPUTED", index)
    return state.ids.make("dispute", number)


def resolve_dispute(state: StoreState, dispute_index: int, *, outcome: str) -> list[str]:
    """Close a dispute; returns the ids of order and dispute. Unless it is lost, the order recovers.

    Raises:
        ValueError: The outcome is not a status of disputes.
        LookupError: There is no such dispute.
    """
    if outcome not in DISPUTE_STATUSES:
        raise ValueError(f"outcome {outcome!r} is not one of {', '.join(DISPUTE_STATUSES)}")
    record = state.disputes.touch(dispute_index)
    now_ms = state.clock.now_ms()
    record.payload["status"] = outcome
    record.payload["updatedAt"] = iso(now_ms)
    index = record.order_index
    if outcome in ("WON", "PREVENTED"):
        order = state.orders.touch(index).payload
        if order["status"] == "CHARGEBACK":  # one that was refunded meanwhile stays so
            _move(state, index, "COMPLETED")
        _book(state, index, "DISPUTE_WON", _cents(order["amount"]), now_ms)
    if outcome in ("WON", "LOST", "PREVENTED"):
        state.emit(f"PAYMENT_DISPUTE_{outcome}", index)
    return [state.ids.make("order", index), state.ids.make("dispute", dispute_index)]


def _move(state: StoreState, index: int, status: str) -> Record:
    record = state.orders.touch(index)
    record.payload["status"] = status
    record.payload["updatedAt"] = iso(state.clock.now_ms())
    if isinstance(record.payload.get("payment"), dict):
        record.payload["payment"]["status"] = payment_status(status) or "FAILED"
    return record


def _cents(value: object) -> int:
    return value if isinstance(value, int) else 0


def _book(state: StoreState, index: int, kind: str, amount: int, at_ms: int) -> None:
    state.ledger.book(
        kind,
        amount=amount,
        reference_id=state.ids.make("payment", index),
        description=f"{kind.replace('_', ' ').capitalize()}: order {state.ids.order_number(index)}",
        at_ms=at_ms,
    )
