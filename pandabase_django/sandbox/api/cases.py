"""Support cases, as the Store API lists, answers and closes them. Source: P-60."""

from __future__ import annotations

from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.pages import page_of, page_of_held
from pandabase_django.sandbox.api.validation import Field, Invalid, check_query
from pandabase_django.sandbox.http.wire import Response, success
from pandabase_django.sandbox.seed.cases import CASE_PRIORITIES, CASE_STATUSES
from pandabase_django.sandbox.seed.timeline import iso
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import item_form, order_detail

__all__ = [
    "CASE_CHANGES",
    "get_case",
    "list_cases",
    "list_messages",
    "patch_case",
    "post_message",
    "read_case",
]

_QUERY = {
    "status": Field(str, choices=CASE_STATUSES),
    "priority": Field(str, choices=CASE_PRIORITIES),
    "customerId": Field(str, low=12, high=48),
    "orderId": Field(str, low=12, high=48),
}


def list_cases(call: Call) -> Response:
    """Newest first."""
    query = call.request.query()
    check_query(query, _QUERY)
    return page_of_held(
        call, call.state.cases.held, asked={name: query.get(name) for name in _QUERY}
    )


def get_case(call: Call) -> Response:
    """One case."""
    return _shown(call, _index(call))


def patch_case(call: Call) -> Response:
    """Change its priority, or close it or open it again."""
    index = _index(call)
    payload, now = call.state.cases.held.touch(index).payload, iso(call.state.clock.now_ms())
    payload.update(call.body, updatedAt=now)
    if "status" in call.body:
        closed = call.body["status"] == "CLOSED"
        payload.update(closedAt=now if closed else None, closedBy="MERCHANT" if closed else None)
    return _shown(call, index)


def list_messages(call: Call) -> Response:
    """Oldest first."""
    return page_of(call, call.state.cases.messages(_index(call)), default_limit=50)


def post_message(call: Call) -> Response:
    """Answer the customer; a closed case takes no answer."""
    index = _index(call)
    if item_form(call.state.cases.held.touch(index))["status"] == "CLOSED":
        raise Invalid("The case is closed", status=400)
    message = call.state.cases.write(
        index,
        sender="MERCHANT",
        sender_id=call.token.token_id,
        body=call.body,
        at_ms=call.state.clock.now_ms(),
    )
    return success(message, status=201)


def read_case(call: Call) -> Response:
    """What the customer wrote has been read."""
    call.state.cases.held.touch(_index(call)).payload["unreadCount"] = 0
    return success({"ok": True})


def _index(call: Call) -> int:
    index = call.index("case")
    if call.state.cases.held.find(index) is None:
        raise Invalid("Case not found", status=404)
    return index


def _shown(call: Call, index: int) -> Response:
    return success(item_form(call.state.cases.held.touch(index)))


def _open(state: StoreState, change: Json) -> list[str]:
    """A change: the customer of the ``order`` of this index writes ``body`` about it."""
    order = order_detail(state, int(change.get("order", 0)))
    if order is None:
        raise LookupError(f"no order with index {change.get('order', 0)}")
    index = state.cases.open(
        order_id=order["id"],
        customer_id=(order["customer"] or {}).get("id"),
        subject=str(change.get("subject", "A question")),
        body=str(change.get("body", "Can you help?")),
        at_ms=state.clock.now_ms(),
    )
    return [state.ids.make("case", index)]


def _write(state: StoreState, change: Json) -> list[str]:
    """A change: the customer of the case of this ``id`` writes ``body``."""
    index = state.ids.index_of("case", str(change["id"]))
    item = None if index is None else state.cases.held.find(index)
    if index is None or item is None:
        raise LookupError(f"no such case: {change['id']!r}")
    state.cases.write(
        index,
        sender="CUSTOMER",
        sender_id=item.payload["customerId"],
        body={"body": str(change.get("body", "And now?"))},
        at_ms=state.clock.now_ms(),
    )
    return [state.ids.make("case", index)]


CASE_CHANGES = {"open_case": _open, "write_to_case": _write}
