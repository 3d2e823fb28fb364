"""What a delivery says, and the part of it that may be kept.

Samples show empty objects where an order or a customer should be (Source: P-30), so nothing but
the event's name and id is required. What is kept is an allow-list: a field this version does not
know is dropped, since it may be an address, a card or a licence key. The order's own row, fetched
afterwards, is where a shop reads everything else. What an event says of a
subscription (Source: P-49) is kept as well: a token may not be allowed to read the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pandabase_django.api.reading import Fields
from pandabase_django.exceptions import ProtocolError

__all__ = ["EVENT_TYPES", "UNFIT_ORDER", "EventSubscription", "WebhookEvent", "read_event"]

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
"""Source: P-30. The sandbox has a list of its own on purpose; a test compares the two."""

MAX_KEPT_CHARACTERS = 200
MAX_KEPT_ITEMS = 200
MAX_KEPT_DEPTH = 8  # samples have 4; beyond any sense, Python itself gives up
# Of metadata and custom fields: what the remote allows. Source: P-39.
MAX_KEYS = 20
MAX_KEY_CHARACTERS = 40
MAX_VALUE_CHARACTERS = 500
MAX_LEFT_OUT = 20  # notes on what was not kept
UNFIT_ORDER = "unfit_order"  # in what is kept: the id of an order that can't be asked for

_IDS = (
    "id orderId paymentId customerId productId variantId subscriptionId refundId disputeId planId "
    "priceId invoiceId storeId"
)
_STATES = "event type status paymentStatus previousStatus refundStatus disputeStatus"
_TIMES = (
    "timestamp createdAt updatedAt paidAt completedAt refundedAt cancelledAt canceledAt pausedAt "
    "resumedAt expiresAt endsAt trialEnd trialEndsAt trialStart currentPeriodStart "
    "currentPeriodEnd nextChargeAt cancelAt cancelAtPeriodEnd"
)
_AMOUNTS = (
    "amount total subtotal price quantity currency totalAmount taxAmount discountAmount "
    "refundedAmount presentmentAmount presentmentCurrency exchangeRate billingInterval retryCount "
    "interval intervalCount"
)
_TEXT_MAPS = frozenset({"metadata", "customFields"})
_EVERYWHERE = frozenset(f"{_IDS} {_STATES} {_TIMES} {_AMOUNTS} orderNumber".split())

# Sections that are looked into, and what is kept there beside the names above.
_SECTIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "data": _TEXT_MAPS,
        "order": _TEXT_MAPS,
        "payment": frozenset(),
        "refund": frozenset(),
        "dispute": frozenset(),
        "subscription": _TEXT_MAPS,
        # The order's row holds the customer's e-mail as well.
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
        order_id: "" when it names no order, or one whose id can't be used.
        event_at: Aware; None when the payload has no readable time.
        kept: The payload without what must not be kept; its ``left_out`` names what was too large,
            its ``unfit_order`` the id of an order that can't be asked for.
    """

    order_id: str
    event_at: datetime | None
    kept: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class EventSubscription:
    """What an event says of its subscription. What the remote leaves out is None, or "".

    Attributes:
        status: TRIALING, ACTIVE, PAST_DUE, PAUSED or CANCELLED.
        billing_interval: WEEKLY, MONTHLY or YEARLY.
        ends_at: Of a cancelled one: until when it was paid for, and has access.
    """

    id: str
    status: str
    billing_interval: str
    amount_minor: int | None
    currency: str
    quantity: int | None
    product_id: str
    customer_id: str
    current_period_start: datetime | None
    current_period_end: datetime | None
    next_charge_at: datetime | None
    trial_end: datetime | None
    cancelled_at: datetime | None
    paused_at: datetime | None
    ends_at: datetime | None

    @classmethod
    def within(cls, kept: Mapping[str, Any]) -> EventSubscription | None:
        """The subscription of an event that was kept; None when it names none."""
        data = kept.get("data")
        given = data.get("subscription") if isinstance(data, Mapping) else None
        if not isinstance(given, dict) or not given:
            return None
        f = Fields(given, kind="subscription")
        product = Fields(f.object("product") or {}, kind="product")
        customer = Fields(f.object("customer") or {}, kind="customer")
        return cls(
            id=f.reference("id") or "",
            status=f.text("status") or "",
            billing_interval=f.text("billingInterval") or "",
            amount_minor=f.integer("amount"),
            currency=f.text("currency") or "",
            quantity=f.integer("quantity"),
            product_id=product.reference("id") or f.reference("productId") or "",
            customer_id=customer.reference("id") or f.reference("customerId") or "",
            current_period_start=f.time("currentPeriodStart"),
            current_period_end=f.time("currentPeriodEnd"),
            next_charge_at=f.time("nextChargeAt"),
            trial_end=f.time("trialEnd"),
            cancelled_at=f.time("cancelledAt"),
            paused_at=f.time("pausedAt"),
            ends_at=f.time("endsAt"),
        )


def read_event(payload: Mapping[str, Any]) -> WebhookEvent:
    """Read a verified payload; nothing in it can make this fail."""
    kept = _whole(payload)
    data = payload.get("data")
    order = data.get("order") if isinstance(data, dict) else None
    order_id = ""
    if isinstance(order, dict) and order.get("id") is not None:
        try:
            order_id = Fields(order, kind="order").identifier(kind="order")
        except ProtocolError:
            kept[UNFIT_ORDER] = ascii(order["id"])[:MAX_KEPT_CHARACTERS]
    return WebhookEvent(
        order_id=order_id,
        event_at=Fields(payload, kind="webhook").moment("timestamp"),
        kept=kept,
    )


def _whole(payload: Mapping[str, Any]) -> dict[str, Any]:
    left_out: list[str] = []
    kept = _kept(payload, own=frozenset(), levels=MAX_KEPT_DEPTH, left_out=left_out)
    if left_out:
        kept["left_out"] = left_out[:MAX_LEFT_OUT]
    return kept


def _kept(
    section: Mapping[str, Any], *, own: frozenset[str], levels: int, left_out: list[str]
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in section.items():
        if name in _SECTIONS:
            if not levels:
                continue
            inner = _SECTIONS[name]
            if isinstance(value, dict):
                kept[name] = _kept(value, own=inner, levels=levels - 1, left_out=left_out)
            elif isinstance(value, list):
                objects = [entry for entry in value if isinstance(entry, dict)]
                kept[name] = [
                    _kept(entry, own=inner, levels=levels - 1, left_out=left_out)
                    for entry in objects[:MAX_KEPT_ITEMS]
                ]
        elif name in own and name in _TEXT_MAPS:
            if value:
                kept[name] = _texts(value, name=name, left_out=left_out)
        elif (name in _EVERYWHERE or name in own) and _is_small(value):
            kept[name] = value
    return kept


def _is_small(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_KEPT_CHARACTERS
    return value is None or isinstance(value, (bool, int, float))


def _texts(value: Any, *, name: str, left_out: list[str]) -> dict[str, Any]:
    """A shop's own keys and values, within the bounds; says what is beyond them."""
    if not isinstance(value, dict):
        left_out.append(f"{name}: not an object")
        return {}
    texts: dict[str, Any] = {}
    for key, entry in value.items():
        if len(key) > MAX_KEY_CHARACTERS:
            left_out.append(f"{name}: a key longer than {MAX_KEY_CHARACTERS} characters")
        elif isinstance(entry, (dict, list)):
            left_out.append(f"{name}.{key}: not a text")
        elif isinstance(entry, str) and len(entry) > MAX_VALUE_CHARACTERS:
            left_out.append(f"{name}.{key}: longer than {MAX_VALUE_CHARACTERS} characters")
        elif len(texts) == MAX_KEYS:
            left_out.append(f"{name}: keys after the first {MAX_KEYS}")
            break
        else:
            texts[key] = entry
    return texts
