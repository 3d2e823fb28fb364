"""What moves a subscription from state to state, with the orders and events that go along.

Source: P-48, P-50. Nothing here asks whether a move is allowed: the endpoints ask before they call.
"""

from __future__ import annotations

from collections.abc import Mapping

from pandabase_django.sandbox.seed.lifecycle import Slot
from pandabase_django.sandbox.seed.subscriptions import INTERVALS_MS
from pandabase_django.sandbox.seed.timeline import DAY_MS, iso, parse_ms
from pandabase_django.sandbox.store.dated import Record
from pandabase_django.sandbox.store.held import Item
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import item_form

__all__ = [
    "MOST_RETRIES",
    "cancel",
    "change_plan",
    "end_with_refund",
    "miss_charge",
    "pause",
    "reactivate",
    "renew",
    "replan",
    "resume",
    "start",
]

MOST_RETRIES = 4
_RETRY_MS = 3 * DAY_MS


def start(
    state: StoreState,
    *,
    product: int,
    customer: int,
    interval: str = "MONTHLY",
    quantity: int = 1,
    trial_days: int = 0,
    variant: str | None = None,
    paid_each: int | None = None,
) -> int:
    """A new subscription; returns its index.

    Args:
        state: The store.
        product: Index of what is subscribed to.
        customer: Index of whose it is.
        interval: WEEKLY, MONTHLY or YEARLY.
        quantity: How many.
        trial_days: Nothing is charged for so long.
        variant: Id of the product's variant.
        paid_each: What an order of a checkout paid for each piece of the first period, in cents.
    """
    now_ms = state.clock.now_ms()

    def begin(index: int) -> Item:
        payload = state.subscribed.begun(
            index, product=product, customer=customer, interval=interval, began_ms=now_ms
        )
        plan: dict[str, object] = {"quantity": quantity}
        if state.products.find(product) is not None:
            plan["product_id"] = state.ids.make("product", product)  # as it is now
        replan(state, payload, plan)
        if paid_each is not None:
            payload["amount"] = paid_each * quantity  # a checkout keeps the price it began with
        if trial_days:
            ends = iso(now_ms + trial_days * DAY_MS)
            payload.update(
                status="TRIALING", trialEnd=ends, nextChargeAt=ends, currentPeriodEnd=ends
            )
        return Item(payload, created_ms=now_ms, updated_ms=now_ms)

    index = state.subscriptions.add(begin)
    state.subscribed_variants[index] = variant
    if not trial_days and paid_each is None:
        _order(state, index, status="COMPLETED")
    _tell(state, index, "CREATED")
    return index


def renew(state: StoreState, index: int) -> str:
    """The next period is paid for: also the first one after a trial, or one that was past due.

    What was planned for the end of the period happens now. Returns the id of its order.
    """
    payload = state.subscriptions.touch(index).payload
    plan = state.planned_changes.pop(index, {})
    replan(state, payload, plan)
    _keep_variant(state, index, plan)
    began_ms = parse_ms(payload["currentPeriodEnd"]) or state.clock.now_ms()
    ends = iso(began_ms + INTERVALS_MS[payload["billingInterval"]])
    payload.update(
        status="ACTIVE",
        currentPeriodStart=iso(began_ms),
        currentPeriodEnd=ends,
        nextChargeAt=ends,
        retryCount=0,
    )
    order = _order(state, index, status="COMPLETED")
    _tell(state, index, "RENEWED")
    return order


def miss_charge(state: StoreState, index: int) -> None:
    """A charge fails: it is tried again some days later, and given up after the last retry."""
    payload = state.subscriptions.touch(index).payload
    retries = payload["retryCount"] + 1 if payload["status"] == "PAST_DUE" else 0
    _order(state, index, status="FAILED")
    if retries >= MOST_RETRIES:
        cancel(state, index, immediate=True)
        return
    payload.update(
        status="PAST_DUE",
        retryCount=retries,
        nextChargeAt=iso(state.clock.now_ms() + _RETRY_MS),
    )
    _tell(state, index, "PAST_DUE")


def cancel(state: StoreState, index: int, *, immediate: bool) -> None:
    """Cancel at once, or so that access lasts until the period ends."""
    payload = state.subscriptions.touch(index).payload
    now = iso(state.clock.now_ms())
    payload.update(
        status="CANCELLED",
        cancelledAt=now,
        endsAt=now if immediate else payload["currentPeriodEnd"],
        nextChargeAt=None,
        pausedAt=None,
    )
    state.planned_changes.pop(index, None)
    _tell(state, index, "CANCELLED")


def end_with_refund(state: StoreState, order: int) -> None:
    """What this order paid a period of is cancelled when it is refunded (Source: P-46)."""
    index = state.paid_subscriptions.get(order)
    if index is None:
        return
    payload = state.subscriptions.touch(index).payload
    ends_ms = parse_ms(payload.get("endsAt"))
    if payload["status"] != "CANCELLED" or (ends_ms or 0) > state.clock.now_ms():
        cancel(state, index, immediate=True)


def reactivate(state: StoreState, index: int) -> None:
    """Take back a cancellation at the end of the period."""
    payload = state.subscriptions.touch(index).payload
    payload.update(
        status="ACTIVE", cancelledAt=None, endsAt=None, nextChargeAt=payload["currentPeriodEnd"]
    )
    _tell(state, index, "UPDATED")


def pause(state: StoreState, index: int) -> None:
    """Charge nothing until it is resumed."""
    payload = state.subscriptions.touch(index).payload
    payload.update(status="PAUSED", pausedAt=iso(state.clock.now_ms()), nextChargeAt=None)
    _tell(state, index, "PAUSED")


def resume(state: StoreState, index: int) -> None:
    """Charge again, from the end of the period on."""
    payload = state.subscriptions.touch(index).payload
    payload.update(status="ACTIVE", pausedAt=None, nextChargeAt=payload["currentPeriodEnd"])
    _tell(state, index, "RESUMED")


def change_plan(state: StoreState, index: int, body: Mapping[str, object]) -> None:
    """Another product, variant, interval or quantity.

    The difference is charged at once; what costs less, or is asked for so, waits for the next
    renewal.
    """
    payload = state.subscriptions.touch(index).payload
    after = {**payload}
    replan(state, after, body)
    more = after["amount"] - payload["amount"]
    if body.get("proration_behavior") == "END_OF_PERIOD" or more < 0:
        state.planned_changes[index] = dict(body)
    else:
        payload.update(after)
        _keep_variant(state, index, body)
        if more:
            _order(state, index, status="COMPLETED", amount=more)
    _tell(state, index, "UPDATED")


def replan(state: StoreState, payload: Json, body: Mapping[str, object]) -> None:
    """Write the product, interval and quantity that a body names into what is shown.

    A variant shows in the amount alone. A product without one costs its own price.

    Raises:
        LookupError: There is no such product, or it has no such variant.
    """
    payload["billingInterval"] = body.get("billing_interval", payload["billingInterval"])
    if not body.keys() & {"product_id", "variant_id", "quantity"}:
        return
    each = payload["amount"] // payload["quantity"]
    if _names_variant(body):
        product = _product(state, str(body.get("product_id", payload["product"]["id"])))
        payload["product"] = {name: product[name] for name in ("id", "title", "price")}
        each = _price(product, body.get("variant_id"))
    payload["quantity"] = body.get("quantity", payload["quantity"])
    payload["amount"] = each * payload["quantity"]


def _product(state: StoreState, identity: str) -> Json:
    index = state.ids.index_of("product", identity)
    product = None if index is None else state.products.find(index)
    if product is None:
        raise LookupError("Product not found")
    return item_form(product)


def _price(product: Json, variant: object) -> int:
    """Of one piece, in cents."""
    if variant is None:
        return int(product["price"])
    for one in product["variants"] or ():
        if isinstance(one, dict) and one.get("id") == variant:
            return int(one["price"])
    raise LookupError("Variant not found")


def _names_variant(body: Mapping[str, object]) -> bool:
    """Whether a plan says which variant it is of; a product alone is of none."""
    return "product_id" in body or "variant_id" in body


def _keep_variant(state: StoreState, index: int, plan: Mapping[str, object]) -> None:
    if _names_variant(plan):
        variant = plan.get("variant_id")
        state.subscribed_variants[index] = None if variant is None else str(variant)


def _order(state: StoreState, index: int, *, status: str, amount: int | None = None) -> str:
    """An order of the subscription's customer for one period; returns its id."""
    item = state.subscriptions.touch(index).payload
    total = item["amount"] if amount is None else amount
    number, now_ms = state.new_order_index(), state.clock.now_ms()
    order = state.sales.detail(number, slot=Slot(status), created_ms=now_ms)
    line = {**order["items"][0], "productId": item["product"]["id"]}
    line["variantId"] = state.subscribed_variants.get(index)
    line.update(name=item["product"]["title"], quantity=1, price=total)
    order.update(
        amount=total,
        discounted=False,
        discountCode=None,
        customer=dict(item["customer"]),
        items=[line],
        licenses=[],
        updatedAt=order["createdAt"],
    )
    settled = total * 9 // 10 if status == "COMPLETED" else 0
    order["payment"].update(
        amount=total, totalAmount=total, taxAmount=0, discountAmount=0, settledAmount=settled
    )
    state.orders.add(number, Record(order, sort_ms=now_ms))
    state.paid_subscriptions[number] = index
    customer = state.ids.index_of("customer", item["customer"]["id"])
    if customer is not None:
        state.customer_orders.setdefault(customer, []).append(number)
    if settled:
        state.ledger.book(
            "PAYMENT_RECEIVED",
            amount=settled,
            reference_id=order["payment"]["id"],
            description=f"Payment received: order {order['orderNumber']}",
            at_ms=now_ms,
        )
    state.emit(f"PAYMENT_{status}", number)
    return str(order["id"])


def _tell(state: StoreState, index: int, what: str) -> None:
    item = state.subscriptions.touch(index)
    item.updated_ms = state.clock.now_ms()
    state.emit(f"SUBSCRIPTION_{what}", index, subscription=item.payload["id"])
