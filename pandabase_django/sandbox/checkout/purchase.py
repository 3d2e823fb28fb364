"""The order that a payment makes, as its own GET shows it. Amounts are cents."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pandabase_django.sandbox.api.validation import Invalid
from pandabase_django.sandbox.checkout.pricing import Quote, quote
from pandabase_django.sandbox.seed.timeline import iso
from pandabase_django.sandbox.settings import Settings
from pandabase_django.sandbox.store.sessions import Line, Session
from pandabase_django.sandbox.store.shapes import Json, copy_json, set_path
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["Given", "order_payload", "paid_quote"]

_RATES = {"EUR": 0.9234, "GBP": 0.7881, "JPY": 151.25, "BRL": 5.4321}
_NO_PRESENTMENT: Json = {
    "presentmentCurrency": None,
    "presentmentAmount": None,
    "exchangeRate": None,
}


@dataclass(frozen=True)
class Given:
    """What the buyer gives on the pay page; and what a test changes of the order that follows."""

    email: str = ""
    name: str = ""
    country: str = ""
    region: str = ""
    typed: Json = field(default_factory=dict)
    """By the key of a field."""
    prices: dict[int, int] = field(default_factory=dict)
    """Of lines whose price the buyer names, by their place."""
    presentment: str = ""
    """The currency that the buyer pays in."""
    order: Json = field(default_factory=dict)
    """Written over the order (dotted paths), whatever was paid for."""


def paid_quote(
    state: StoreState, session: Session, *, given: Given, settings: Settings
) -> tuple[list[Line], Quote]:
    """The lines and sums that this buyer pays.

    Raises:
        Invalid: With status 400: a price is too low, or the coupon can't be used any more.
    """
    lines = [
        line if line.least is None else _named_price(line, given.prices.get(place, line.amount))
        for place, line in enumerate(session.lines)
    ]
    billing = _billing(session)
    return lines, quote(
        state,
        lines,
        coupon_code=session.body.get("coupon_code", ""),
        country=given.country or billing.get("country", ""),
        region=given.region or billing.get("state", ""),
        tax_id=session.body.get("tax_id", ""),
        tax_included=settings.tax_included,
    )


def order_payload(
    state: StoreState, session: Session, index: int, *, given: Given, settings: Settings
) -> tuple[Json, int]:
    """A new order that is PENDING; and its customer's index.

    Raises:
        Invalid: See ``paid_quote``.
        LookupError: ``given.order`` names a place that the order does not have.
    """
    lines, paid = paid_quote(state, session, given=given, settings=settings)
    known: Json = session.body.get("customer", {})
    email = given.email or known.get("email", "buyer@example.com")
    customer = state.buyer(email, name=given.name or known.get("name", ""))
    created = iso(state.clock.now_ms())
    presentment = _presentment(given.presentment, paid)
    code = paid.coupon.code if paid.coupon else None
    payload: Json = {
        "id": state.ids.make("order", index),
        "orderNumber": session.id,
        "status": "PENDING",
        "amount": paid.amount,
        "currency": session.lines[0].currency,
        "discounted": bool(paid.discount),
        "discountCode": code,
        "customer": {"id": state.ids.make("customer", customer), "email": email},
        "payment": {
            "id": state.ids.make("payment", index),
            "referenceId": f"pi_sandbox{index:012d}",
            "amount": paid.amount,
            "discountAmount": paid.discount,
            "platformFeeAmount": 0,
            "pspFeeAmount": 0,
            "taxAmount": paid.tax,
            "totalAmount": paid.total,
            "settledAmount": 0,
            **presentment,
            "status": "PENDING",
            "pspProvider": "MULTI_PSP",
            "paymentMethod": None,
            "couponCode": code,
            "taxId": session.body.get("tax_id"),
            "createdAt": created,
        },
        "createdAt": created,
        **presentment,
        "customFields": dict(given.typed) or None,
        "metadata": copy_json(session.body.get("metadata")),
        "returnUrl": session.body.get("return_url"),
        "items": [_item(state, line) for line in lines],
        "billingAddress": _address(state, session, index, given),
        "licenses": [],
        "updatedAt": created,
    }
    for path, value in given.order.items():
        set_path(payload, path, copy_json(value))
    return payload, customer


def _named_price(line: Line, price: int) -> Line:
    if price < (line.least or 0):
        raise Invalid(f"{line.name} costs at least {line.least} cents", status=400)
    return Line(
        line.name,
        price,
        line.quantity,
        currency=line.currency,
        product_id=line.product_id,
        variant_id=line.variant_id,
    )


def _item(state: StoreState, line: Line) -> Json:
    return {
        "id": state.ids.make("item", state.new_runtime_index()),
        "productId": line.product_id,
        "variantId": line.variant_id,
        "name": line.name,
        "quantity": line.quantity,
        "price": line.amount,
    }


def _billing(session: Session) -> Json:
    billing: Json = session.body.get("customer", {}).get("billing", {})
    return billing


def _address(state: StoreState, session: Session, index: int, given: Given) -> Json | None:
    billing = _billing(session)
    country = given.country or billing.get("country")
    if not country:
        return None
    moved = country != billing.get("country")
    known: Json = {} if moved else billing
    return {
        "id": state.ids.make("address", index),
        "addressLine1": known.get("line1"),
        "addressLine2": known.get("line2"),
        "city": known.get("city"),
        "state": given.region or known.get("state"),
        "postalCode": known.get("postal_code"),
        "country": country,
    }


def _presentment(currency: str, paid: Quote) -> dict[str, Any]:
    if not currency:
        return _NO_PRESENTMENT
    rate = _RATES[currency]
    return {
        "presentmentCurrency": currency,
        "presentmentAmount": round(paid.total * rate),
        "exchangeRate": rate,
    }
