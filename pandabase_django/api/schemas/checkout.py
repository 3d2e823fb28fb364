"""A checkout session and an estimate, as the Checkout API shows them. Amounts are minor units.

This API spells its names with underscores (Source: P-37).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from pandabase_django.api.reading import Fields
from pandabase_django.api.schemas.base import Parsed, children, texts
from pandabase_django.api.schemas.declared import integer, shown, text

__all__ = ["CheckoutLine", "CheckoutSession", "Estimate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutLine(Parsed):
    """A line to be paid; ``amount_minor`` is the price of one piece."""

    kind: ClassVar[str] = "line"
    name: str | None = text("name")
    amount_minor: int | None = integer("amount")
    quantity: int | None = integer("quantity")


def _lines(f: Fields, name: str) -> tuple[CheckoutLine, ...] | None:
    return children(f, name, CheckoutLine.from_json)


def _session_id(f: Fields, name: str) -> str:
    # One of the vendor's pages names it otherwise. Source: P-37.
    named = f if f.data.get(name) else Fields({"id": f.data.get("session_id")}, kind="session")
    return named.identifier(kind="checkout session")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutSession(Parsed):
    """A session that was opened (Source: P-37).

    ``amount_minor`` is the subtotal of the items. ``items`` and ``metadata`` are None when the
    answer does not show them. An address is None unless a browser may be sent there.
    """

    kind: ClassVar[str] = "checkout session"
    id: str = shown("id", read=_session_id)
    title: str | None = text("title")
    description: str | None = text("description")
    checkout_url: str | None = shown("checkout_url", read="address")
    pay_redirect_url: str | None = shown("pay_redirect_url", read="address")
    amount_minor: int | None = integer("amount")
    discount_amount_minor: int | None = integer("discount_amount")
    tax_amount_minor: int | None = integer("tax_amount")
    total_amount_minor: int | None = integer("total_amount")
    coupon_code: str | None = text("coupon.code")
    items: tuple[CheckoutLine, ...] | None = shown("items", read=_lines)
    metadata: dict[str, Any] | None = shown("metadata", read="object")
    return_url: str | None = shown("return_url", read="address")
    cancel_url: str | None = shown("cancel_url", read="address")
    expires_at: datetime | None = shown("expires_at", read="moment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate(Parsed):
    """What would have to be paid (Source: P-36). Amounts are minor units of the store's currency.

    Attributes:
        subtotal_minor: The lines, before discount and tax.
        discount_code: The coupon that applies; None when none does.
        discount_amount_minor: What it takes off; None when none applies.
        discount_type: PERCENTAGE or FIXED.
        tax_rate: A decimal number as text, such as "0.08".
        tax_amount_minor: The tax.
        total_minor: What the buyer would pay.
        items: The lines, as Pandabase sees them.
        payment_methods: Names of the ways to pay that there would be.
    """

    kind: ClassVar[str] = "estimate"
    subtotal_minor: int | None = integer("subtotal")
    discount_code: str | None = text("discount.code")
    discount_amount_minor: int | None = integer("discount.amount")
    discount_type: str | None = text("discount.type")
    tax_rate: str | None = text("tax.rate")
    tax_amount_minor: int | None = integer("tax.amount")
    total_minor: int | None = integer("total")
    items: tuple[CheckoutLine, ...] | None = shown("items", read=_lines)
    payment_methods: tuple[str, ...] | None = shown("available_payment_methods", read=texts)
