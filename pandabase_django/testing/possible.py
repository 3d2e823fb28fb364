"""What Pandabase never does: the lines of a test that do what happens in production ask here.

A refusal says why it can't be; it is "" when it can, or when there is nothing of that id, which
the change itself says. ``Remote.change`` does not ask: a test may want the impossible.
"""

from __future__ import annotations

from copy import deepcopy

from pandabase_django.sandbox.api.bodies.catalog import PRODUCT
from pandabase_django.sandbox.api.orders import refund_refusal
from pandabase_django.sandbox.api.validation import Invalid, check_body
from pandabase_django.sandbox.checkout.payment import standing
from pandabase_django.sandbox.seed.timeline import parse_ms
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import item_form, order_detail

__all__ = [
    "cancellation_refusal",
    "charge_refusal",
    "checked_product",
    "dispute_refusal",
    "outcome_refusal",
    "payment_refusal",
    "refund_refusal_of",
]

OPEN_DISPUTES = ("AWAITING_REVIEW", "UNDER_REVIEW")
OUTCOMES = ("WON", "LOST", "PREVENTED")
ONLY_SHOWN = ("currency", "handle")
"""Fields of a product that nobody writes at Pandabase."""
CHARGED = ("TRIALING", "ACTIVE", "PAST_DUE")


def checked_product(fields: Json) -> Json:
    """The fields of a product, as Pandabase writes them.

    Raises:
        ValueError: One is unknown, or can't have this value.
    """
    known = sorted({*PRODUCT, *ONLY_SHOWN})
    unknown = ", ".join(sorted(fields.keys() - set(known)))
    if unknown:
        raise ValueError(f"A product has no {unknown}; known are {', '.join(known)}.")
    shown = {name: fields[name] for name in ONLY_SHOWN if name in fields}
    written = {name: value for name, value in fields.items() if name not in shown}
    try:
        return check_body(deepcopy(written), PRODUCT, partial=True) | shown
    except Invalid as error:
        raise ValueError(f"{error}, in a product.") from error


def payment_refusal(state: StoreState, session_id: str, *, how: str) -> str:
    """A session is paid once, in time; after a declined card it may be tried again."""
    session = state.sessions.get(session_id)
    found = "" if session is None else standing(state, session)
    if found in ("PAID", "EXPIRED") or (found == "PROCESSING" and how == "async"):
        return f"A session that is {found} can't be paid"
    return ""


def refund_refusal_of(state: StoreState, order_id: str, *, days: int) -> str:
    """As the Store API refuses it."""
    order = _order(state, order_id)
    return "" if order is None else refund_refusal(state, order, days=days)


def dispute_refusal(state: StoreState, order_id: str) -> str:
    """A bank takes back what was paid. Source: P-27."""
    order = _order(state, order_id)
    if order is None or order["status"] == "COMPLETED":
        return ""
    return f"An order that is {order['status']} can't be disputed"


def outcome_refusal(state: StoreState, order_id: str, *, outcome: str) -> str:
    """A dispute ends once. Source: P-28."""
    index = state.ids.index_of("order", order_id)
    if index is None:
        return ""
    if outcome not in OUTCOMES:
        return f"A dispute can't end as {outcome!r}, only as {', '.join(OUTCOMES)},"
    disputes = [state.disputes.find(one) for one in state.disputes.of_order(index)]
    statuses = [dispute.payload["status"] for dispute in disputes if dispute is not None]
    if not statuses:
        return "An order without a dispute can't win or lose one"
    if statuses[-1] not in OPEN_DISPUTES:
        return f"A dispute that is {statuses[-1]} can't end once more"
    return ""


def charge_refusal(state: StoreState, subscription_id: str) -> str:
    """Nothing is charged while it is paused, nor once it is cancelled. Source: P-48."""
    shown = _subscription(state, subscription_id)
    if shown is None or shown["status"] in CHARGED:
        return ""
    return f"A subscription that is {shown['status']} can't be charged"


def cancellation_refusal(state: StoreState, subscription_id: str, *, immediate: bool) -> str:
    """What was cancelled at the end of its period may end at once; nothing else ends twice."""
    shown = _subscription(state, subscription_id)
    if shown is None or shown["status"] != "CANCELLED":
        return ""
    if immediate and (parse_ms(shown["endsAt"]) or 0) > state.clock.read_ms():
        return ""
    return "A subscription that is CANCELLED can't be cancelled once more"


def _order(state: StoreState, order_id: str) -> Json | None:
    index = state.ids.index_of("order", order_id)
    return None if index is None else order_detail(state, index)


def _subscription(state: StoreState, subscription_id: str) -> Json | None:
    index = state.ids.index_of("subscription", subscription_id)
    item = None if index is None else state.subscriptions.find(index)
    return None if item is None else item_form(item)
