"""Figures of a period, compared with the orders themselves."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.sandbox.conftest import Caller

PAID = ("COMPLETED", "REFUNDED", "CHARGEBACK")
YEAR = "period=custom&startDate=2024-01-01T00:00:00Z&endDate=2025-01-01T00:00:00Z"


def _orders(caller: Caller, begins: str, ends: str) -> list[dict[str, Any]]:
    return [
        order
        for order in caller.sandbox.dump("orders")
        if order["status"] in PAID and begins <= order["createdAt"] < ends
    ]


@pytest.mark.fact(61)
def test_the_overview_sums_up_the_orders_of_the_period(caller: Caller) -> None:
    orders = _orders(caller, "2024", "2025")
    assert len(orders) > 100
    kept = [order for order in orders if order["status"] == "COMPLETED"]
    assert caller.get(f"/analytics/overview?{YEAR}") == {
        "grossVolume": sum(order["payment"]["totalAmount"] for order in orders),
        "netVolume": sum(order["payment"]["settledAmount"] for order in kept),
        "orders": len(orders),
        "customers": len({(order["customer"] or {}).get("id") for order in orders} - {None}),
        "refunded": sum(order["status"] == "REFUNDED" for order in orders),
        "disputes": sum(order["status"] == "CHARGEBACK" for order in orders),
        "period": {"from": "2024-01-01T00:00:00.000Z", "to": "2025-01-01T00:00:00.000Z"},
    }


def test_all_is_everything_and_a_new_order_is_of_today(caller: Caller) -> None:
    before = caller.get("/analytics/overview?period=all")["orders"]
    assert before == len(_orders(caller, "2000", "2100"))
    assert caller.get("/analytics/overview")["orders"] == 0
    caller.sandbox.change([{"op": "create_order", "status": "COMPLETED", "count": 2}])
    for period in ("1d", "3d", "7d", "30d", "90d"):
        assert caller.get(f"/analytics/overview?period={period}")["orders"] == 2
    caller.sandbox.change([{"op": "refund_order", "index": 650}])
    assert caller.get("/analytics/overview?period=1d")["refunded"] == 1


@pytest.mark.fact(61)
@pytest.mark.parametrize(("granularity", "length"), [("day", 10), ("hour", 13)])
def test_the_volume_is_in_buckets_without_gaps(
    caller: Caller, granularity: str, length: int
) -> None:
    expected: Counter[str] = Counter()
    for order in _orders(caller, "2024-03-01", "2024-04-01"):
        expected[order["createdAt"][:length]] += order["payment"]["totalAmount"]
    dates = "startDate=2024-03-01T00:00:00Z&endDate=2024-04-01T00:00:00Z"
    path = f"/analytics/gross-volume?period=custom&{dates}&granularity={granularity}"
    series = caller.get(path)["series"]
    assert len(series) == (31 if granularity == "day" else 31 * 24)
    assert sum(expected.values()) > 0
    assert {one["date"][:length]: one["amount"] for one in series if one["amount"]} == +expected
    assert series[1]["date"] == (
        "2024-03-02" if granularity == "day" else "2024-03-01T01:00:00.000Z"
    )


@pytest.mark.fact(61)
def test_countries_are_those_of_billing_the_largest_first(caller: Caller) -> None:
    orders = [order for order in _orders(caller, "2024", "2025") if order["billingAddress"]]
    counts = Counter(order["billingAddress"]["country"] for order in orders)
    found = caller.get(f"/analytics/orders-by-country?{YEAR}")
    assert {one["country"]: one["orders"] for one in found} == counts
    assert [one["orders"] for one in found] == sorted(counts.values(), reverse=True)
    german = [o["payment"]["totalAmount"] for o in orders if o["billingAddress"]["country"] == "DE"]
    assert next(one["amount"] for one in found if one["country"] == "DE") == sum(german)


@pytest.mark.parametrize(
    "query",
    [
        "period=2d",
        "granularity=week",
        "period=custom",
        "period=custom&startDate=2024-01-01T00:00:00Z",
        "period=custom&startDate=2024-01-02T00:00:00Z&endDate=2024-01-01T00:00:00Z",
        "startDate=yesterday",
    ],
)
def test_a_period_that_is_none_is_400(caller: Caller, query: str) -> None:
    for name in ("overview", "gross-volume", "orders-by-country"):
        assert caller.send("GET", f"/analytics/{name}?{query}").status_code == 400
