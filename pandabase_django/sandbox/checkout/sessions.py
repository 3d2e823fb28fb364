"""Opening a session, and how it is shown. Source: P-37."""

from __future__ import annotations

from typing import Any

from pandabase_django.sandbox.api.validation import Invalid
from pandabase_django.sandbox.checkout.bodies import checked_checkout
from pandabase_django.sandbox.checkout.pricing import priced_lines, quote
from pandabase_django.sandbox.settings import Settings
from pandabase_django.sandbox.store.sessions import LIFE_MS, Line, Session, new_session_id
from pandabase_django.sandbox.store.shapes import Json, copy_json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import store_form

__all__ = ["line_forms", "merchant_form", "open_session", "session_form"]


def open_session(state: StoreState, body: Any, *, settings: Settings) -> Session:
    """Make a session of a body, which may come from anybody. Called with the state's lock held.

    Raises:
        Invalid: With status 400 or 404.
    """
    checked = copy_json(checked_checkout(body, least_item=settings.least_item_cents))
    lines = priced_lines(state, checked["items"])
    billing: Json = checked.get("customer", {}).get("billing", {})
    asked = quote(
        state,
        lines,
        coupon_code=checked.get("coupon_code", ""),
        country=billing.get("country", ""),
        region=billing.get("state", ""),
        tax_id=checked.get("tax_id", ""),
        tax_included=settings.tax_included,
    )
    if checked.get("amount", asked.subtotal) != asked.subtotal:
        raise Invalid(
            f"amount is {checked['amount']}, and the items cost {asked.subtotal}", status=400
        )
    coupon = asked.coupon and {"code": asked.coupon.code, "discount_amount": asked.discount}
    sums: Json = {
        "amount": asked.subtotal,
        "discount_amount": asked.discount,
        "tax_amount": asked.tax,
        "total_amount": asked.total,
        "coupon": coupon,
    }
    now_ms = state.clock.now_ms()
    session = Session(new_session_id(), checked, lines, sums, now_ms, now_ms + LIFE_MS)
    state.sessions[session.id] = session
    return session


def session_form(state: StoreState, session: Session, *, settings: Settings, origin: str) -> Json:
    """A session as the answer shows it."""
    body, merchant = session.body, merchant_form(state)
    page = f"{origin}/pay/stores/{state.store_id}/sids/{session.id}"
    return {
        settings.session_id_field: session.id,
        "title": body.get("title", merchant["name"]),
        "description": body.get("description"),
        "checkout_url": page,
        "pay_redirect_url": page,
        "merchant": merchant,
        **session.sums,
        "items": line_forms(session.lines),
        "display": copy_json(body.get("display")),
        "metadata": copy_json(body.get("metadata")),
        "return_url": body.get("return_url"),
        "cancel_url": body.get("cancel_url"),
        "expires_at": session.expires_ms,
    }


def line_forms(lines: list[Line]) -> list[Json]:
    """Lines as the public answers show them."""
    return [
        {
            "name": line.name,
            "amount": line.amount,
            "quantity": line.quantity,
            "image": line.image,
        }
        for line in lines
    ]


def merchant_form(state: StoreState) -> Json:
    """The store as buyers see it."""
    store = store_form(state)
    return {
        "id": store["id"],
        "name": store["title"],
        "handle": store["handle"],
        "slug": store["handle"],
        "logo": None,
        "favicon": None,
        "accentColor": None,
        "primaryColor": None,
        "statementDescriptor": store["statementDescriptor"],
        "supportEmail": None,
    }
