"""What a test does to checkouts, beside the public API: see ``control.changes``."""

from __future__ import annotations

from dataclasses import replace

from pandabase_django.sandbox.api.validation import Invalid
from pandabase_django.sandbox.checkout.payment import pay_session
from pandabase_django.sandbox.checkout.purchase import Given
from pandabase_django.sandbox.checkout.sessions import open_session
from pandabase_django.sandbox.settings import Settings
from pandabase_django.sandbox.store.sessions import Session
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["expire_checkout", "open_checkout", "pay_checkout"]

_ORDER_FIELDS = {
    "amount": "amount",
    "coupon": "discountCode",
    "currency": "currency",
    "discount": "payment.discountAmount",
    "items": "items",
    "metadata": "metadata",
    "order_number": "orderNumber",
    "tax": "payment.taxAmount",
    "total": "payment.totalAmount",
}
"""Short names of what is most often forged. Nothing else follows from them."""


def open_checkout(state: StoreState, change: Json, *, settings: Settings) -> list[str]:
    """Open a session as a stranger would: the change without ``op`` is the body of the call."""
    body = {name: value for name, value in change.items() if name != "op"}
    try:
        return [open_session(state, body, settings=settings).id]
    except Invalid as error:
        raise ValueError(str(error)) from error


def pay_checkout(state: StoreState, change: Json, *, settings: Settings) -> list[str]:
    """Pay a session, or end a payment that is being processed; returns session and order.

    ``as`` is ``card`` (the default), ``async`` or ``decline``. ``again`` makes another order of a
    session that has one. ``email``, ``name``, ``country``, ``state``, ``typed``, ``prices`` and
    ``presentment`` are the buyer's. ``tax_included`` takes the place of the setting. The names of
    ``_ORDER_FIELDS``, and dotted paths in ``fields``, are written over the order.
    """
    session = _session(state, change)
    tax_included = bool(change.get("tax_included", settings.tax_included))
    order = {path: change[name] for name, path in _ORDER_FIELDS.items() if name in change}
    given = Given(
        email=change.get("email", ""),
        name=change.get("name", ""),
        country=change.get("country", ""),
        region=change.get("state", ""),
        typed=change.get("typed", {}),
        prices={int(place): price for place, price in change.get("prices", {}).items()},
        presentment=change.get("presentment", ""),
        order={**order, **change.get("fields", {})},
    )
    try:
        index = pay_session(
            state,
            session,
            way=change.get("as", "card"),
            given=given,
            settings=replace(settings, tax_included=tax_included),
            again=bool(change.get("again", False)),
        )
    except Invalid as error:
        raise ValueError(str(error)) from error
    return [session.id, state.ids.make("order", index)]


def expire_checkout(state: StoreState, change: Json) -> list[str]:
    """End a session before its six hours are over."""
    session = _session(state, change)
    session.expires_ms = min(session.expires_ms, state.clock.read_ms())
    return [session.id]


def _session(state: StoreState, change: Json) -> Session:
    session = state.sessions.get(str(change.get("id")))
    if session is None:
        raise LookupError(f"no session has the id {change.get('id')!r}")
    return session
