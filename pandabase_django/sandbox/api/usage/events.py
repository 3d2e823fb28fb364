"""Usage events, as the Store API takes, lists and sums them up. Source: P-52.

Which status refuses an inactive subscription, and how the reasons of rejected events read, is not
described; neither is how a period's total is rounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.pages import page_of
from pandabase_django.sandbox.api.usage.meters import meters_of
from pandabase_django.sandbox.api.validation import Field, Invalid, check_query
from pandabase_django.sandbox.http.wire import Response, failure, success
from pandabase_django.sandbox.seed.subscriptions import INTERVALS_MS
from pandabase_django.sandbox.seed.timeline import iso, parse_ms
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import item_form

__all__ = ["forget_usage", "list_usage", "open_usage", "post_usage", "subscription_usage"]

_ACCEPTING = ("ACTIVE", "TRIALING", "PAST_DUE")
_AHEAD_MS = 3_600_000
_ID = Field(str, low=12, high=48)
_TIME = Field(str, format="date-time")
_QUERY = {"subscription_id": _ID, "meter_id": _ID, "from": _TIME, "to": _TIME}


def post_usage(call: Call) -> Response:
    """Take up to a hundred events of one subscription; those that do not fit are named."""
    shown = _subscription(call.state, call.body["subscription_id"])
    if shown["status"] not in _ACCEPTING:
        return failure(422, "The subscription does not accept usage")
    state, meters = call.state, meters_of(call.state, shown["product"]["id"])
    now_ms = state.clock.now_ms()
    accepted = duplicates = 0
    rejected = []
    for index, event in enumerate(call.body["events"]):
        at_ms = parse_ms(event.get("event_at", iso(now_ms))) or 0
        meter = meters.get(event["event_name"])
        reason = _refusal(shown, meter, at_ms, now_ms)
        if reason or meter is None:
            rejected.append({"index": index, "reason": reason})
        elif state.usage.is_duplicate(meter["id"], event.get("external_id")):
            duplicates += 1
        else:
            accepted += 1
            state.usage.add(_kept(state, shown, meter, event, at_ms=at_ms, now_ms=now_ms))
    return success(
        {
            "subscriptionId": shown["id"],
            "accepted": accepted,
            "duplicates": duplicates,
            "rejected": rejected,
        },
        status=201,
    )


def list_usage(call: Call) -> Response:
    """The events of a subscription, most recent first."""
    query = call.request.query()
    check_query(query, _QUERY)
    if "subscription_id" not in query:
        return failure(400, "subscription_id is required")
    shown = _subscription(call.state, query["subscription_id"])
    after, before = parse_ms(query.get("from")), parse_ms(query.get("to"))
    found = [
        event
        for event in call.state.usage.events.get(shown["id"], ())
        if query.get("meter_id") in (None, event["meterId"])
        and (after is None or _ms(event) >= after)
        and (before is None or _ms(event) <= before)
    ]
    found.sort(key=lambda event: (event["eventAt"], event["id"]), reverse=True)
    return page_of(call, found)


def subscription_usage(call: Call) -> Response:
    """What the current period has come to, and the periods before it."""
    shown = _subscription(call.state, call.ids["subscription"])
    meters = meters_of(call.state, shown["product"]["id"])
    if not meters:
        return success({"subscriptionId": shown["id"], "isUsageBased": False})
    current = open_usage(call.state, shown)
    used = sum(one["amountCharged"] for one in current)
    start_ms = parse_ms(shown["currentPeriodStart"]) or 0
    return success(
        {
            "subscriptionId": shown["id"],
            "isUsageBased": True,
            "currency": shown["currency"],
            "currentPeriod": {
                "periodStart": shown["currentPeriodStart"],
                "periodEnd": shown["currentPeriodEnd"],
                "baseAmount": shown["amount"],
                "usageAmount": used,
                "projectedTotal": shown["amount"] + used,
                "meters": current,
            },
            "pastPeriods": list(_past(call.state, shown, meters, start_ms)),
        }
    )


def open_usage(state: StoreState, shown: Json) -> list[Json]:
    """What each meter of a subscription has come to in the current period."""
    meters = meters_of(state, shown["product"]["id"])
    start_ms, end_ms = parse_ms(shown["currentPeriodStart"]), parse_ms(shown["currentPeriodEnd"])
    return _sums(state, shown, meters, start_ms or 0, end_ms or 0)


def forget_usage(state: StoreState, change: Json) -> list[str]:
    """A change: the event of this ``external_id`` was never counted."""
    state.usage.remove(str(change["external_id"]))
    return []


def _refusal(shown: Json, meter: Json | None, at_ms: int, now_ms: int) -> str:
    if meter is None:
        return "The product has no meter for this event_name"
    if at_ms < (parse_ms(shown["currentPeriodStart"]) or 0):
        return "event_at is before the current period"
    if at_ms > now_ms + _AHEAD_MS:
        return "event_at is too far in the future"
    return ""


def _kept(
    state: StoreState, shown: Json, meter: Json, event: Json, *, at_ms: int, now_ms: int
) -> Json:
    return {
        "id": state.ids.make("usage", state.new_runtime_index()),
        "externalId": event.get("external_id"),
        "subscriptionId": shown["id"],
        "meterId": meter["id"],
        "customerId": shown["customer"]["id"],
        "quantity": event["quantity"],
        "eventAt": iso(at_ms),
        "receivedAt": iso(now_ms),
        "metadata": event.get("metadata", {}),
    }


def _past(
    state: StoreState, shown: Json, meters: dict[str, Json], start_ms: int
) -> Iterator[dict[str, Any]]:
    events = state.usage.events.get(shown["id"], ())
    oldest = min((_ms(event) for event in events), default=start_ms)
    step = INTERVALS_MS[shown["billingInterval"]]
    while start_ms > oldest:
        end_ms, start_ms = start_ms, start_ms - step
        found = _sums(state, shown, meters, start_ms, end_ms)
        yield {
            "periodStart": iso(start_ms),
            "periodEnd": iso(end_ms),
            "totalCharged": sum(one["amountCharged"] for one in found),
            "orderId": None,
            "meters": found,
        }


def _sums(
    state: StoreState, shown: Json, meters: dict[str, Json], start_ms: int, end_ms: int
) -> list[Json]:
    found = []
    for meter in meters.values():
        quantities = [
            event["quantity"]
            for event in state.usage.events.get(shown["id"], ())
            if event["meterId"] == meter["id"] and start_ms <= _ms(event) < end_ms
        ]
        total = _AGGREGATED[meter["aggregation"]](quantities) if quantities else 0
        beyond = max(0, total - (meter["includedUnits"] or 0))
        found.append(
            {
                "meterId": meter["id"],
                "eventName": meter["eventName"],
                "quantity": total,
                "unitPrice": meter["unitPrice"],
                "unitQuantity": meter["unitQuantity"],
                "amountCharged": round(beyond * meter["unitPrice"] / meter["unitQuantity"]),
            }
        )
    return found


_AGGREGATED: dict[str, Any] = {
    "SUM": sum,
    "MAX": max,
    "COUNT": len,
    "LAST": lambda quantities: quantities[-1],
}


def _subscription(state: StoreState, identity: str) -> Json:
    index = state.ids.index_of("subscription", identity)
    item = None if index is None else state.subscriptions.find(index)
    if item is None or item.deleted:
        raise Invalid("Subscription not found", status=404)
    return item_form(item)


def _ms(event: Json) -> int:
    return parse_ms(event["eventAt"]) or 0
