"""What a delivery says. Source: P-30. The members of geo are ours to guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pandabase_django.sandbox.seed.identity import RUNTIME_BASE
from pandabase_django.sandbox.seed.timeline import DAY_MS, iso
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.views import item_form, order_detail

if TYPE_CHECKING:
    from pandabase_django.sandbox.store.state import Event, StoreState

__all__ = ["event_payload"]

_SUBSCRIPTION_STATUSES = {
    "SUBSCRIPTION_PAST_DUE": "PAST_DUE",
    "SUBSCRIPTION_CANCELLED": "CANCELLED",
    "SUBSCRIPTION_PAUSED": "PAUSED",
    "SUBSCRIPTION_TRIAL_ENDING": "TRIALING",
}
_SHOWN = (
    "id",
    "status",
    "billingInterval",
    "amount",
    "currency",
    "currentPeriodStart",
    "currentPeriodEnd",
    "nextChargeAt",
    "trialEnd",
    "cancelledAt",
)
_TRIAL_MS = 3 * DAY_MS
_PERIOD_MS = 30 * DAY_MS


def event_payload(state: StoreState, event: Event, *, empty: bool) -> Json:
    """The JSON of a delivery. Called with the state's lock held.

    Args:
        state: The store.
        event: What happened.
        empty: Leave order and customer empty, as some of the vendor's samples do.
    """
    order = order_detail(state, event.order_index) or {}
    subscribed = event.type.startswith("SUBSCRIPTION_")
    # Of a subscription's event no sample shows more than empty objects. Source: P-30.
    empty = empty or subscribed
    data: Json = {
        "order": {} if empty else order,
        "customer": {} if empty else order.get("customer") or {},
        "geo": state.sales.geo(event.order_index),
    }
    if subscribed:
        data["subscription"] = _subscription(state, event, order)
    return {"event": event.type, "id": event.id, "timestamp": iso(event.at_ms), "data": data}


def _subscription(state: StoreState, event: Event, order: Json) -> Json:
    """The fields of the samples, and no others. Source: P-49."""
    index = state.ids.index_of("subscription", event.subscription)
    item = None if index is None else state.subscriptions.find(index)
    if item is not None:
        shown = item_form(item)
        return {name: shown[name] for name in _SHOWN}
    status = _SUBSCRIPTION_STATUSES.get(event.type, "ACTIVE")
    trial = iso(event.at_ms + _TRIAL_MS) if status == "TRIALING" else None
    ended = status in ("CANCELLED", "PAUSED")
    return {
        "id": event.subscription
        or state.ids.make("subscription", RUNTIME_BASE + event.order_index),
        "status": status,
        "billingInterval": "MONTHLY",
        "amount": order.get("amount"),
        "currency": order.get("currency"),
        "currentPeriodStart": iso(event.at_ms),
        "currentPeriodEnd": iso(event.at_ms + _PERIOD_MS),
        "nextChargeAt": None if ended else trial or iso(event.at_ms + _PERIOD_MS),
        "trialEnd": trial,
        "cancelledAt": iso(event.at_ms) if status == "CANCELLED" else None,
    }
