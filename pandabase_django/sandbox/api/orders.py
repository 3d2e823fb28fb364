"""Orders, payments, refunds, disputes, customers: everything that sales bring about."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.order_writes import refund_order
from pandabase_django.sandbox.api.validation import Field, check_query, paging
from pandabase_django.sandbox.http.wire import Response, failure, success
from pandabase_django.sandbox.seed.lifecycle import (
    DISPUTE_STATUSES,
    ORDER_STATUSES,
    PAYMENT_STATUSES,
    REFUND_STATUSES,
    Slot,
    payment_status,
)
from pandabase_django.sandbox.seed.orders import DISPUTE_DELAY_MS, REFUND_DELAY_MS
from pandabase_django.sandbox.seed.timeline import DAY_MS, iso, parse_ms
from pandabase_django.sandbox.store.dated import DatedRecords, Record
from pandabase_django.sandbox.store.sequence import shuffled_window
from pandabase_django.sandbox.store.shapes import Json, dump_json, page
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import (
    dispute_form,
    order_detail,
    order_item_json,
    payment_form,
    refund_form,
)

__all__ = [
    "create_refund",
    "get_dispute",
    "get_order",
    "get_payment",
    "get_refund",
    "list_disputes",
    "list_order_refunds",
    "list_orders",
    "list_payments",
    "list_refunds",
    "refund_refusal",
    "retry_fulfillment",
    "submit_evidence",
]

_SORT = Field(str, choices=("asc", "desc"))
_SEARCH = Field(str, high=128)


def list_orders(call: Call) -> Response:
    """Newest first unless ``sort=asc``. Source: P-21."""
    query = call.request.query()
    check_query(
        query, {"status": Field(str, choices=ORDER_STATUSES), "sort": _SORT, "search": _SEARCH}
    )
    status = query.get("status")
    return _list(
        call,
        call.state.orders,
        query=query,
        kind="orders",
        slots=lambda slot: status is None or slot.status == status,
        records=lambda record: status is None or record.payload.get("status") == status,
        render=lambda index: order_item_json(call.state, index),
    )


def get_order(call: Call) -> Response:
    """The detail form. Source: P-21."""
    return _found(order_detail(call.state, call.index("order")), "Order")


def list_payments(call: Call) -> Response:
    """Payments of all orders that have one."""
    query = call.request.query()
    check_query(
        query, {"status": Field(str, choices=PAYMENT_STATUSES), "sort": _SORT, "search": _SEARCH}
    )
    status = query.get("status")

    def slots(slot: Slot) -> bool:
        found = payment_status(slot.status)
        return found is not None and (status is None or found == status)

    def records(record: Record) -> bool:
        payment = record.payload.get("payment")
        return isinstance(payment, dict) and (status is None or payment.get("status") == status)

    return _list(
        call,
        call.state.orders,
        query=query,
        kind="payments",
        slots=slots,
        records=records,
        render=lambda index: dump_json(payment_form(call.state, index, detail=False)),
    )


def get_payment(call: Call) -> Response:
    """The payment of an order by its own id."""
    return _found(payment_form(call.state, call.index("payment"), detail=True), "Payment")


def list_refunds(call: Call) -> Response:
    """Newest first unless ``sort=asc``. Source: P-23."""
    query = call.request.query()
    check_query(query, {"status": Field(str, choices=REFUND_STATUSES), "sort": _SORT})
    status = query.get("status")
    return _list(
        call,
        call.state.refunds,
        query=query,
        kind="refunds",
        slots=lambda _slot: status in (None, "COMPLETED"),
        records=lambda record: status is None or record.payload.get("status") == status,
        render=lambda index: dump_json(refund_form(call.state, index, detail=False)),
        delay_ms=REFUND_DELAY_MS,
    )


def get_refund(call: Call) -> Response:
    """A refund with its order."""
    return _found(refund_form(call.state, call.index("refund"), detail=True), "Refund")


def list_order_refunds(call: Call) -> Response:
    """The refunds of one order: a plain list without pagination."""
    state, index = call.state, call.index("order")
    if order_detail(state, index) is None:
        return failure(404, "Order not found")
    found = [refund_form(state, number, detail=False) for number in state.refunds.of_order(index)]
    return success([refund for refund in reversed(found) if refund is not None])


def retry_fulfillment(call: Call) -> Response:
    """Send the fulfilment of an order anew, whose first one failed. Source: P-59."""
    state, index = call.state, call.index("order")
    order = order_detail(state, index)
    if order is None:
        return failure(404, "Order not found")
    if order["status"] != "COMPLETED" or index not in state.unfulfilled:
        return failure(400, "No fulfillment of this order has failed")
    state.unfulfilled.discard(index)
    state.emit("PAYMENT_COMPLETED", index)
    message = "1 fulfillment webhook(s) re-queued for delivery"
    return success({"queued": 1, "message": message})


def create_refund(call: Call) -> Response:
    """Refund a completed order without an open dispute. Source: P-46."""
    state, index = call.state, call.index("order")
    body = call.body
    order = order_detail(state, index)
    if order is None:
        return failure(404, "Order not found")
    refusal = refund_refusal(state, order, days=call.services.settings.refund_days)
    if refusal:
        return failure(400, refusal)
    reason = body.get("reason", "REQUESTED_BY_CUSTOMER")
    refund = refund_order(state, index, reason=reason, status="COMPLETED")
    number = state.ids.index_of("refund", refund)
    return _found(refund_form(state, -1 if number is None else number, detail=True), "Refund")


def refund_refusal(state: StoreState, order: Json, *, days: int) -> str:
    """Why an order can't be refunded; "" when it can.

    Args:
        state: The store.
        order: Its detail form.
        days: For how long it can be, see the setting ``refund_days``.
    """
    if order["status"] != "COMPLETED":
        return f"An order that is {order['status']} can't be refunded"
    if _is_over(state, order["createdAt"], days=days):
        return "The refund window of this order has passed"
    return ""


def list_disputes(call: Call) -> Response:
    """Newest first unless ``sort=asc``. Source: P-23."""
    query = call.request.query()
    check_query(
        query,
        {
            "status": Field(str, choices=DISPUTE_STATUSES),
            "sort": _SORT,
            "needsEvidence": Field(bool),
        },
    )
    status, needs = query.get("status"), query.get("needsEvidence")

    def wanted(found: object) -> bool:
        due = "true" if found == "AWAITING_REVIEW" else "false"
        return (status is None or found == status) and (needs is None or needs == due)

    return _list(
        call,
        call.state.disputes,
        query=query,
        kind="disputes",
        slots=lambda slot: wanted(slot.dispute),
        records=lambda record: wanted(record.payload["status"]),
        render=lambda index: dump_json(dispute_form(call.state, index, detail=False)),
        delay_ms=DISPUTE_DELAY_MS,
    )


def get_dispute(call: Call) -> Response:
    """A dispute with its order."""
    return _found(dispute_form(call.state, call.index("dispute"), detail=True), "Dispute")


def submit_evidence(call: Call) -> Response:
    """Answer a dispute; it goes under review."""
    state, index = call.state, call.index("dispute")
    body = call.body
    found = state.disputes.find(index)
    if found is None:
        return failure(404, "Dispute not found")
    if found.payload["status"] != "AWAITING_REVIEW":
        return failure(400, "This dispute awaits no evidence")
    if _is_over(call.state, found.payload["createdAt"], days=call.services.settings.evidence_days):
        return failure(400, "The time for evidence has passed")
    record = state.disputes.touch(index)
    record.payload.update(status="UNDER_REVIEW", evidence=body, updatedAt=iso(state.clock.now_ms()))
    return _found(dispute_form(state, index, detail=True), "Dispute")


def _is_over(state: StoreState, began: str, *, days: int) -> bool:
    return bool(days) and state.clock.read_ms() > (parse_ms(began) or 0) + days * DAY_MS


def _found(form: Json | None, what: str) -> Response:
    return failure(404, f"{what} not found") if form is None else success(form)


def _list(
    call: Call,
    dated: DatedRecords,
    *,
    query: dict[str, str],
    kind: str,
    slots: Callable[[Slot], bool],
    records: Callable[[Record], bool],
    render: Callable[[int], str],
    delay_ms: int = 0,
) -> Response:
    wanted = paging(query, cap=call.services.settings.page_cap)
    search = query.get("search")
    name = f"{kind}:{query.get('status')}:{query.get('needsEvidence')}"
    newest_first = query.get("sort") != "asc"
    state = call.state
    versions = (state.orders.version, state.refunds.version, state.disputes.version)
    unstable = call.services.settings.unstable_order
    key = (name, newest_first, wanted.page, wanted.limit, search, unstable, versions)
    body = call.services.pages.get(key)
    if body is None:
        sequence = dated.sequence(name, slots=slots, records=records, delay_ms=delay_ms)
        window: Iterable[int]
        if search:
            every = sequence.window(0, sequence.count, newest_first=newest_first)
            hits = _search(call, search, every)
            total = len(hits)
            window = hits[wanted.start : wanted.start + wanted.limit]
        else:
            total = sequence.count
            window = sequence.window(
                wanted.start, wanted.start + wanted.limit, newest_first=newest_first
            )
            if unstable:
                every = sequence.window(0, total, newest_first=newest_first)
                stop = wanted.start + wanted.limit
                window = shuffled_window(every, wanted.start, stop, key=key[:-1])
        items = [render(index) for index in window]
        body = page(items, page_number=wanted.page, limit=wanted.limit, total=total)
        call.services.pages.put(key, body)
    return Response(200, body)


def _search(call: Call, search: str, every: Iterable[int]) -> list[int]:
    """Orders whose id, number or e-mail address contains a text; slow unless it is a whole one."""
    state = call.state
    exact = {
        state.ids.index_of("order", search),
        state.ids.index_of_order_number(search),
    } - {None}
    if search in state.sessions:
        exact.update(state.sessions[search].orders)
    customer = state.buyers.get(search, state.people.customer_of_email(search))
    if customer is not None:
        exact.update(state.people.orders_of(customer), state.customer_orders.get(customer, []))
    if exact:
        return [index for index in every if index in exact]
    needle = search.lower()
    hits = []
    for index in every:
        order = order_detail(state, index) or {}
        customer_form = order.get("customer")
        email = customer_form.get("email") if isinstance(customer_form, dict) else None
        if any(needle in str(text).lower() for text in (order["id"], order["orderNumber"], email)):
            hits.append(index)
    return hits
