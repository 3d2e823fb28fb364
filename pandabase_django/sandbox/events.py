"""What a delivery says. Source: P-30. The members of order, customer and geo are ours to guess."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pandabase_django.sandbox.readings import order_detail
from pandabase_django.sandbox.shapes import Json
from pandabase_django.sandbox.timeline import DAY_MS, iso

if TYPE_CHECKING:
    from pandabase_django.sandbox.state import Event, StoreState

__all__ = ["event_payload"]

_SUBSCRIPTION_STATUSES = {
    "SUBSCRIPTION_PAST_DUE": "PAST_DUE",
    "SUBSCRIPTION_CANCELLED": "CANCELLED",
    "SUBSCRIPTION_PAUSED": "PAUSED",
    "SUBSCRIPTION_TRIAL_ENDING": "TRIALING",
}
_PERIOD_MS = 30 * DAY_MS


def event_payload(state: StoreState, event: Event, *, empty: bool) -> Json:
    """The JSON of a delivery. Called with the state's lock held.

    Args:
        state: The store.
        event: What happened.
        empty: Leave order and customer empty, as some of the vendor's samples do.
    """
    order = order_detail(state, event.order_index) or {}
    customer = order.get("customer") or {}
    data: Json = {
        "order": {} if empty else order,
        "customer": {} if empty else customer,
        "geo": state.sales.geo(event.order_index),
    }
    if event.type.startswith("SUBSCRIPTION_"):
        data["subscription"] = _subscription(state, event, order)
    return {"event": event.type, "id": event.id, "timestamp": iso(event.at_ms), "data": data}


def _subscription(state: StoreState, event: Event, order: Json) -> Json:
    status = _SUBSCRIPTION_STATUSES.get(event.type, "ACTIVE")
    ended: Any = iso(event.at_ms) if status == "CANCELLED" else None
    return {
        "id": event.subscription or state.ids.make("subscription", event.order_index),
        "status": status,
        "billingInterval": "MONTHLY",
        "amount": order.get("amount"),
        "currency": order.get("currency"),
        "currentPeriodStart": iso(event.at_ms),
        "currentPeriodEnd": iso(event.at_ms + _PERIOD_MS),
        "cancelledAt": ended,
        "pausedAt": iso(event.at_ms) if status == "PAUSED" else None,
        "customer": order.get("customer") or {},
    }
