"""What stays of an object of an erased person: ids, states, amounts, times, and what was bought.

It is an allow-list, as for webhooks: a field that this version does not know may be an address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pandabase_django.api.reading import REDACTED
from pandabase_django.models.checkout.sessions import METADATA_KEY

__all__ = [
    "ERASED",
    "KEPT",
    "SECTIONS",
    "identifiers",
    "scrubbed",
    "with_texts_changed",
    "without_texts",
]

ERASED = "[erased]"
MOST_LEVELS = 8

# Objects, and lists of objects, that are looked into.
SECTIONS = frozenset(
    [
        "billingAddress",
        "customer",
        "data",
        "dispute",
        "items",
        "licenses",
        "order",
        "payment",
        "paymentMethod",
        "plan",
        "product",
        "refund",
        "subscription",
        "variant",
    ]
)
_IDS = (
    "id orderId paymentId customerId productId variantId subscriptionId refundId disputeId planId "
    "priceId invoiceId storeId orderNumber unfit_order"
)
_STATES = (
    "event type status paymentStatus previousStatus refundStatus disputeStatus billingInterval "
    "interval guest discounted discountCode"
)
_TIMES = (
    "timestamp createdAt updatedAt paidAt completedAt refundedAt cancelledAt canceledAt pausedAt "
    "resumedAt expiresAt endsAt trialEnd trialEndsAt trialStart currentPeriodStart "
    "currentPeriodEnd nextChargeAt cancelAt cancelAtPeriodEnd claimedAt"
)
_NUMBERS = (
    "amount total subtotal price quantity currency totalAmount taxAmount discountAmount "
    "refundedAmount platformFeeAmount pspFeeAmount settledAmount presentmentAmount "
    "presentmentCurrency exchangeRate fee retryCount intervalCount totalSpent orderCount"
)
KEPT = frozenset(f"{_IDS} {_STATES} {_TIMES} {_NUMBERS}".split())
# What is bought has a name; a person has one too.
_NAMED = frozenset({"items", "plan", "product", "variant"})
_ONE_WORD = re.compile(r"[A-Z][A-Z_]{1,40}\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")
# Within these sections a person's ids and address may be.
_WHOSE = ("customer", "data", "order", "subscription")


def scrubbed(value: Mapping[str, Any], *, section: str = "", levels: int = MOST_LEVELS) -> Any:
    """The same object without what is personal; scrubbing it again changes nothing."""
    kept: dict[str, Any] = {}
    for name, entry in value.items():
        if name in SECTIONS and isinstance(entry, dict):
            if levels:
                kept[name] = scrubbed(entry, section=name, levels=levels - 1)
        elif name in SECTIONS and isinstance(entry, list):
            objects = [one for one in entry if isinstance(one, dict) or one == REDACTED]
            kept[name] = [
                one if one == REDACTED else scrubbed(one, section=name, levels=levels - 1)
                for one in (objects if levels else ())
            ]
        elif name == "email":
            kept[name] = None
        elif name == "metadata" and isinstance(entry, dict):
            # Which checkout it paid for: without it, access that was bought could not be found.
            kept[name] = {k: v for k, v in entry.items() if k == METADATA_KEY}
        elif not isinstance(entry, (dict, list)) and _stays(name, entry, section):
            kept[name] = entry
    return kept


def without_texts(value: Any) -> Any:
    """A shop's own JSON with its numbers and truth values; each text is replaced."""
    if isinstance(value, str):
        return ERASED if value else value
    if isinstance(value, list):
        return [without_texts(entry) for entry in value]
    if isinstance(value, dict):
        return {key: without_texts(entry) for key, entry in value.items() if _is_name(key)}
    return value


def with_texts_changed(value: Any, change: Callable[[str], str]) -> Any:
    """The same text or JSON, with each text in it changed, names included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [with_texts_changed(entry, change) for entry in value]
    if isinstance(value, dict):
        return {change(name): with_texts_changed(entry, change) for name, entry in value.items()}
    return value


def identifiers(value: Mapping[str, Any], *, levels: int = 4) -> Iterator[tuple[str, str]]:
    """By what an object may name a person: pairs of ``id`` or ``email``, and the value."""
    for name in ("id", "customerId", "orderId", "subscriptionId"):
        if isinstance(entry := value.get(name), str) and entry:
            yield "id", entry
    if isinstance(email := value.get("email"), str) and email:
        yield "email", email
    for name in _WHOSE if levels else ():
        if isinstance(inner := value.get(name), dict):
            yield from identifiers(inner, levels=levels - 1)


def _stays(name: str, entry: Any, section: str) -> bool:
    if section == "paymentMethod":
        return name == "type"
    if name in ("name", "title"):
        return section in _NAMED
    if name in ("reason", "method"):
        return isinstance(entry, str) and bool(_ONE_WORD.match(entry.upper()))
    if name == "country":
        return isinstance(entry, str) and bool(_COUNTRY.match(entry))
    if name == "key":
        return entry is not None and not isinstance(entry, str)  # hidden already
    return name in KEPT


def _is_name(key: str) -> bool:
    return key.isidentifier() and key.isascii()
