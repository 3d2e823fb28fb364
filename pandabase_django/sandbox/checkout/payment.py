"""Paying a session: at once, later, or in vain. Called with the state's lock held.

Orders and their events follow as at the remote (Source: P-27, P-30). FAILED is an end there, so a
further try after a refused payment makes another order with the same number.
"""

from __future__ import annotations

import threading
import time

from pandabase_django.sandbox.api.access.renewals import start
from pandabase_django.sandbox.api.order_writes import set_order_status
from pandabase_django.sandbox.checkout.coupons import count_use
from pandabase_django.sandbox.checkout.purchase import Given, order_payload
from pandabase_django.sandbox.seed.timeline import parse_ms
from pandabase_django.sandbox.settings import Settings
from pandabase_django.sandbox.store.dated import Record
from pandabase_django.sandbox.store.sessions import Session
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import item_form

__all__ = ["WAYS", "complete_later", "pay_session", "resume_payments", "standing"]

WAYS = ("card", "async", "decline")

_CARD = {"type": "card", "cardBrand": "visa", "cardLastFour": "4242"}
_PAID = ("COMPLETED", "REFUNDED", "CHARGEBACK")
_FAILED = ("FAILED", "CANCELLED")


def standing(state: StoreState, session: Session) -> str:
    """OPEN, PROCESSING, PAID, FAILED (another try may succeed) or EXPIRED."""
    status = None
    if session.orders:
        record = state.orders.find(session.orders[-1])
        status = record.payload.get("status") if record else None
    if status in _PAID:
        return "PAID"
    if status is not None and status not in _FAILED:
        return "PROCESSING"
    if state.clock.read_ms() >= session.expires_ms:
        return "EXPIRED"
    return "OPEN" if status is None else "FAILED"


def pay_session(
    state: StoreState,
    session: Session,
    *,
    way: str,
    given: Given,
    settings: Settings,
    again: bool = False,
) -> int:
    """Pay a session, or go on with a payment that is being processed; returns the order's index.

    Args:
        state: The store.
        session: The session. Whether it may be paid asks who calls: a test may want the impossible.
        way: One of ``WAYS``.
        given: What the buyer gives.
        settings: The sandbox's.
        again: Make another order, though one was made.

    Raises:
        ValueError: There is no such way.
        Invalid: With status 400: a price is too low, or the coupon can't be used any more.
        LookupError: ``given.order`` names a place that the order does not have.
    """
    if way not in WAYS:
        raise ValueError(f"as {way!r} is not one of {', '.join(WAYS)}")
    goes_on = standing(state, session) == "PROCESSING" and not again
    if goes_on:
        index = session.orders[-1]
    else:
        index = _new_order(state, session, given=given, settings=settings)
    if way == "async":
        set_order_status(state, index, status="PROCESSING")
    elif way == "decline":
        set_order_status(state, index, status="FAILED")
    else:
        _complete(state, session, index)
    return index


def complete_later(state: StoreState, session: Session, *, seconds: float) -> None:
    """End a payment that is being processed, in a while."""
    state.slow_payments[session.id] = round((time.time() + seconds) * 1000)
    _wait_for(state, session)


def resume_payments(state: StoreState) -> None:
    """Wait again for the payments that were being processed when the state was kept."""
    for identity in state.slow_payments:
        _wait_for(state, state.sessions[identity])


def _wait_for(state: StoreState, session: Session) -> None:
    index = session.orders[-1]

    def complete() -> None:
        with state.lock:
            state.slow_payments.pop(session.id, None)
            if state.orders.touch(index).payload["status"] == "PROCESSING":
                state.changing()
                _complete(state, session, index)

    seconds = state.slow_payments[session.id] / 1000 - time.time()
    timer = threading.Timer(max(0.0, seconds), complete)
    timer.daemon = True
    timer.start()


def _new_order(state: StoreState, session: Session, *, given: Given, settings: Settings) -> int:
    index = state.new_order_index()
    payload, customer = order_payload(state, session, index, given=given, settings=settings)
    created_ms = parse_ms(payload["createdAt"])
    state.orders.add(index, Record(payload, sort_ms=created_ms or state.clock.read_ms()))
    state.customer_orders.setdefault(customer, []).append(index)
    session.orders.append(index)
    state.emit("PAYMENT_PENDING", index)
    return index


def _complete(state: StoreState, session: Session, index: int) -> None:
    payload = state.orders.touch(index).payload
    payment: Json = payload["payment"]
    total = payment["totalAmount"]
    platform, psp = total * 59 // 1000 + 20, total * 29 // 1000 + 30
    if total:
        payment.update(
            platformFeeAmount=platform,
            pspFeeAmount=psp,
            settledAmount=total - platform - psp,
            paymentMethod=dict(_CARD),
        )
    licensed = {line.product_id for line in session.lines if line.licensed}
    payload["licenses"] = [
        _license(state, index, item)
        for item in payload["items"]
        if item.get("productId") in licensed
    ]
    if code := payload["discountCode"]:
        count_use(state, code)
    set_order_status(state, index, status="COMPLETED")
    state.ledger.book(
        "PAYMENT_RECEIVED",
        amount=payment["settledAmount"],
        reference_id=payment["id"],
        description=f"Payment received: order {payload['orderNumber']}",
        at_ms=state.clock.now_ms(),
    )
    customer = state.ids.index_of("customer", payload["customer"]["id"])
    for line in session.lines:
        product = state.ids.index_of("product", line.product_id or "")
        found = None if product is None else state.products.find(product)
        if line.subscribed and product is not None and found and customer is not None:
            plan = item_form(found)
            state.paid_subscriptions[index] = start(
                state,
                product=product,
                customer=customer,
                interval=plan.get("billingInterval") or "MONTHLY",
                quantity=line.quantity,
                trial_days=plan.get("trialDays") or 0,
                variant=line.variant_id,
                paid_each=line.amount,
            )


def _license(state: StoreState, index: int, item: Json) -> Json:
    number = state.new_runtime_index()
    return {
        "id": state.ids.make("license", number),
        "key": f"SANDBOX-{index:08X}-{number % 65_536:04X}",
        "status": "CLAIMED",
        "productId": item["productId"],
    }
