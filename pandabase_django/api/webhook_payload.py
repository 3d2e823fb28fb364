"""What a delivery says, and the part of it that may be kept.

Samples show empty objects where an order or a customer should be (Source: P-30), so nothing but
the event's name and id is required. What is kept is an allow-list: a field this version does not
know is dropped, since it may be an address, a card or a licence key. The order's own row, fetched
afterwards, is where a shop reads everything else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pandabase_django.api.reading import Fields

__all__ = ["EVENT_TYPES", "WebhookEvent", "read_event"]

EVENT_TYPES = (
    "PAYMENT_PENDING",
    "PAYMENT_PROCESSING",
    "PAYMENT_COMPLETED",
    "PAYMENT_FAILED",
    "PAYMENT_REFUNDED",
    "PAYMENT_DISPUTED",
    "PAYMENT_DISPUTE_WON",
    "PAYMENT_DISPUTE_LOST",
    "PAYMENT_DISPUTE_PREVENTED",
    "SUBSCRIPTION_CREATED",
    "SUBSCRIPTION_RENEWED",
    "SUBSCRIPTION_PAST_DUE",
    "SUBSCRIPTION_CANCELLED",
    "SUBSCRIPTION_PAUSED",
    "SUBSCRIPTION_RESUMED",
    "SUBSCRIPTION_UPDATED",
    "SUBSCRIPTION_TRIAL_ENDING",
    "SUBSCRIPTION_RENEWING",
)
"""Source: P-30."""

_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
MAX_KEPT_CHARACTERS = 200
MAX_KEPT_ITEMS = 200
MAX_KEPT_DEPTH = 8  # samples have 4; beyond any sense, Python itself gives up

_IDS = (
    "id orderId paymentId customerId productId variantId subscriptionId refundId disputeId planId "
    "priceId invoiceId storeId"
)
_STATES = "event type status paymentStatus previousStatus refundStatus disputeStatus"
_TIMES = (
    "timestamp createdAt updatedAt paidAt completedAt refundedAt cancelledAt canceledAt pausedAt "
    "resumedAt expiresAt trialEnd trialEndsAt trialStart currentPeriodStart currentPeriodEnd "
    "nextBillingAt cancelAt cancelAtPeriodEnd"
)
_AMOUNTS = (
    "amount total subtotal price quantity currency totalAmount taxAmount discountAmount "
    "refundedAmount presentmentAmount presentmentCurrency exchangeRate interval intervalCount"
)
_EVERYWHERE = frozenset(f"{_IDS} {_STATES} {_TIMES} {_AMOUNTS} orderNumber".split())

# Sections that are looked into, and what is kept there beside the names above.
_SECTIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "data": frozenset(),
        "order": frozenset(),
        "payment": frozenset(),
        "refund": frozenset(),
        "dispute": frozenset(),
        "subscription": frozenset(),
        # The order's row holds the customer's e-mail as well; a subscription has no row.
        "customer": frozenset({"email"}),
        "items": frozenset({"name", "title"}),
        "product": frozenset({"name", "title"}),
        "variant": frozenset({"name", "title"}),
        "plan": frozenset({"name", "title"}),
    }
)


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A verified delivery, read.

    Attributes:
        order_id: "" when it names no order.
        event_at: Aware; None when the payload tells no readable time.
        kept: The payload without what must not be kept.
    """

    order_id: str
    event_at: datetime | None
    kept: dict[str, Any] = field(repr=False)


def read_event(payload: Mapping[str, Any]) -> WebhookEvent:
    """Read a verified payload; nothing in it can make this fail."""
    data = payload.get("data")
    order = data.get("order") if isinstance(data, dict) else None
    order_id = order.get("id") if isinstance(order, dict) else None
    if not isinstance(order_id, str) or not _ORDER_ID.fullmatch(order_id):
        order_id = ""
    return WebhookEvent(
        order_id=order_id,
        event_at=Fields(payload, kind="webhook").moment("timestamp"),
        kept=_kept(payload, own=frozenset(), levels=MAX_KEPT_DEPTH),
    )


def _kept(section: Mapping[str, Any], *, own: frozenset[str], levels: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in section.items():
        if name in _SECTIONS:
            if not levels:
                continue
            inner = _SECTIONS[name]
            if isinstance(value, dict):
                kept[name] = _kept(value, own=inner, levels=levels - 1)
            elif isinstance(value, list):
                objects = [entry for entry in value if isinstance(entry, dict)]
                kept[name] = [
                    _kept(entry, own=inner, levels=levels - 1) for entry in objects[:MAX_KEPT_ITEMS]
                ]
        elif (name in _EVERYWHERE or name in own) and _is_small(value):
            kept[name] = value
    return kept


def _is_small(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_KEPT_CHARACTERS
    return value is None or isinstance(value, (bool, int, float))
