"""Analytics. Source: P-61. What counts into which figure is not described: it is ours to choose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.reports.period import cents, orders_between
from pandabase_django.sandbox.api.validation import Field, Invalid, check_query
from pandabase_django.sandbox.http.wire import Response, success
from pandabase_django.sandbox.seed.timeline import DAY_MS, START_MS, iso, parse_ms
from pandabase_django.sandbox.store.shapes import Json

__all__ = ["gross_volume", "orders_by_country", "overview"]

_HOUR_MS = 3_600_000
_DAYS = {"1d": 1, "3d": 3, "7d": 7, "30d": 30, "90d": 90}
_QUERY = {
    "period": Field(str, choices=(*_DAYS, "all", "custom")),
    "startDate": Field(str, format="date-time"),
    "endDate": Field(str, format="date-time"),
    "granularity": Field(str, choices=("hour", "day")),
}


def _overview(call: Call, from_ms: int, to_ms: int) -> Any:
    found = list(orders_between(call.state, from_ms, to_ms, paid=True))
    gross = sum(_total(order) for order in found)
    kept = [order["payment"] for order in found if order["status"] == "COMPLETED"]
    return {
        "grossVolume": gross,
        "netVolume": sum(cents(payment, "settledAmount") for payment in kept),
        "orders": len(found),
        "customers": len({_customer(order) for order in found} - {None}),
        "refunded": sum(order["status"] == "REFUNDED" for order in found),
        "disputes": sum(order["status"] == "CHARGEBACK" for order in found),
        "period": {"from": iso(from_ms), "to": iso(to_ms)},
    }


def _gross_volume(call: Call, from_ms: int, to_ms: int) -> Any:
    hourly = call.request.query().get("granularity") == "hour"
    step = _HOUR_MS if hourly else DAY_MS
    sums: Counter[int] = Counter()
    for order in orders_between(call.state, from_ms, to_ms, paid=True):
        sums[(parse_ms(order["createdAt"]) or from_ms) // step] += _total(order)
    return {
        "series": [
            {"date": iso(bucket * step)[: None if hourly else 10], "amount": sums[bucket]}
            for bucket in range(from_ms // step, -(-to_ms // step))
        ]
    }


def _orders_by_country(call: Call, from_ms: int, to_ms: int) -> Any:
    counts: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for order in orders_between(call.state, from_ms, to_ms, paid=True):
        address = order.get("billingAddress")
        country = address.get("country") if isinstance(address, dict) else None
        if isinstance(country, str):
            counts[country] += 1
            amounts[country] += _total(order)
    return [
        {"country": country, "orders": count, "amount": amounts[country]}
        for country, count in counts.most_common()
    ]


def _answer(figures: Callable[[Call, int, int], Any], call: Call) -> Response:
    return success(figures(call, *_period(call)))


overview = partial(_answer, _overview)
gross_volume = partial(_answer, _gross_volume)
orders_by_country = partial(_answer, _orders_by_country)


def _period(call: Call) -> tuple[int, int]:
    """The first moment, and the one after the last; never before the store, never to come."""
    query = call.request.query()
    check_query(query, _QUERY)
    now_ms = call.state.clock.read_ms() + 1
    period = query.get("period", "30d")
    if period in _DAYS:
        return now_ms - _DAYS[period] * DAY_MS, now_ms
    if period == "all":
        return START_MS, now_ms
    begins, ends = parse_ms(query.get("startDate")), parse_ms(query.get("endDate"))
    if begins is None or ends is None:
        raise Invalid("A custom period needs startDate and endDate", status=400)
    if begins > ends:
        raise Invalid("startDate is after endDate", status=400)
    first_ms = min(max(begins, START_MS), now_ms)
    return first_ms, max(first_ms, min(ends, now_ms))


def _total(order: Json) -> int:
    return cents(order.get("payment"), "totalAmount")


def _customer(order: Json) -> str | None:
    customer = order.get("customer")
    return customer.get("id") if isinstance(customer, dict) else None
