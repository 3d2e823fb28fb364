"""Subscriptions, as the Store API lists and changes them. Source: P-48, P-50."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pandabase_django.sandbox.api.access import renewals
from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.usage.events import open_usage
from pandabase_django.sandbox.api.validation import Field, check_query, paging
from pandabase_django.sandbox.http.wire import Response, failure, success
from pandabase_django.sandbox.seed.subscriptions import SUBSCRIPTION_STATUSES
from pandabase_django.sandbox.seed.timeline import parse_ms
from pandabase_django.sandbox.store.held import Item
from pandabase_django.sandbox.store.shapes import Json, dump_json, page
from pandabase_django.sandbox.store.views import item_form

__all__ = [
    "SUBSCRIPTION_MOVES",
    "get_subscription",
    "list_subscriptions",
    "upcoming_invoice",
]


def list_subscriptions(call: Call) -> Response:
    """Newest first."""
    query = call.request.query()
    identity = Field(str, low=12, high=48)
    status = Field(str, choices=SUBSCRIPTION_STATUSES)
    check_query(query, {"status": status, "product_id": identity, "customer_id": identity})
    wanted = paging(query, cap=call.services.settings.page_cap)
    asked = tuple((name, query.get(name)) for name in ("status", "product_id", "customer_id"))
    held = call.state.subscriptions
    indexes = held.listing(
        asked,
        matches=lambda item: _matches(item, dict(asked)),
        sort_key=lambda item: item.created_ms,
        newest_first=True,
    )
    found = (held.find(index) for index in indexes[wanted.start : wanted.start + wanted.limit])
    shown = [dump_json(item_form(item)) for item in found if item is not None]
    return Response(
        200, page(shown, page_number=wanted.page, limit=wanted.limit, total=len(indexes))
    )


def get_subscription(call: Call) -> Response:
    """One subscription."""
    item = _item(call)
    return failure(404, "Subscription not found") if item is None else success(item_form(item))


def upcoming_invoice(call: Call) -> Response:
    """What the next renewal charges, without tax."""
    item = _item(call)
    if item is None:
        return failure(404, "Subscription not found")
    shown = item_form(item)
    planned = call.state.planned_changes.get(call.index("subscription"), {})
    renewals.replan(call.state, shown, planned)
    base, metered = shown["amount"], open_usage(call.state, shown)
    used = sum(one["amountCharged"] for one in metered)
    lines = [{"description": "Subscription base", "amount": base}]
    lines += [{"description": one["eventName"], "amount": one["amountCharged"]} for one in metered]
    return success(
        {
            "subscriptionId": shown["id"],
            "status": shown["status"],
            "currency": shown["currency"],
            "periodStart": shown["currentPeriodStart"],
            "periodEnd": shown["currentPeriodEnd"],
            "nextChargeAt": shown["nextChargeAt"],
            "isUsageBased": bool(metered),
            "baseAmount": base,
            "usageAmount": used,
            "subtotal": base + used,
            "taxAmount": 0,
            "total": base + used,
            "lineItems": lines,
        }
    )


def _cancel(call: Call, index: int, shown: Json) -> str:
    immediate = bool(call.body.get("immediate", False))
    if shown["status"] == "CANCELLED" and not (immediate and _goes_on(call, shown)):
        return "The subscription is cancelled already"
    renewals.cancel(call.state, index, immediate=immediate)
    return ""


def _pause(call: Call, index: int, shown: Json) -> str:
    if shown["status"] != "ACTIVE":
        return "Only an active subscription can be paused"
    renewals.pause(call.state, index)
    return ""


def _resume(call: Call, index: int, shown: Json) -> str:
    if shown["status"] != "PAUSED":
        return "Only a paused subscription can be resumed"
    renewals.resume(call.state, index)
    return ""


def _reactivate(call: Call, index: int, shown: Json) -> str:
    if shown["status"] != "CANCELLED" or not _goes_on(call, shown):
        return "The subscription has no cancellation that could be taken back"
    renewals.reactivate(call.state, index)
    return ""


def _change(call: Call, index: int, shown: Json) -> str:
    if shown["status"] not in ("TRIALING", "ACTIVE"):
        return "Only an active subscription can be changed"
    try:
        renewals.change_plan(call.state, index, call.body)
    except LookupError as error:
        return str(error)
    return ""


def _move(ask: Callable[[Call, int, Json], str], call: Call) -> Response:
    item = _item(call)
    if item is None:
        return failure(404, "Subscription not found")
    refusal = ask(call, call.index("subscription"), item_form(item))
    return failure(400, refusal) if refusal else get_subscription(call)


SUBSCRIPTION_MOVES: dict[str, Callable[[Call], Response]] = {
    "cancel": partial(_move, _cancel),
    "pause": partial(_move, _pause),
    "resume": partial(_move, _resume),
    "reactivate": partial(_move, _reactivate),
    "change": partial(_move, _change),
}
"""By the last part of the path; each answers with the subscription as it is then, or 400."""


def _goes_on(call: Call, shown: Json) -> bool:
    return (parse_ms(shown["endsAt"]) or 0) > call.state.clock.read_ms()


def _item(call: Call) -> Item | None:
    item = call.state.subscriptions.find(call.index("subscription"))
    return None if item is None or item.deleted else item


def _matches(item: Item, asked: dict[str, str | None]) -> bool:
    shown = item_form(item)
    held = {
        "status": shown["status"],
        "product_id": shown["product"]["id"],
        "customer_id": shown["customer"]["id"],
    }
    return all(wanted is None or held[name] == wanted for name, wanted in asked.items())
