"""Compares what an audit must know of orders besides their fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pandabase_django.api import schemas
from pandabase_django.services.sync.mirror.comparison import differs
from pandabase_django.services.sync.orders.customers import differing_customers, wrong_customers

__all__ = ["compare_customers", "why_due"]

OTHER_EMAIL = "Its customer is not here as the newest order says."


def compare_customers(
    items: Sequence[schemas.OrderSummary], rows: Mapping[str, Any]
) -> dict[str, list[str]]:
    """How customers differ, by the order's id."""
    differing = differing_customers(items)
    wrong: set[str] = set()
    for store_id in {row.store_id for row in rows.values()}:
        wrong |= wrong_customers(differing, store_id=store_id)
    found: dict[str, list[str]] = {}
    for item in items:
        row, why = rows.get(item.id), found.setdefault(item.id, [])
        customer = item.customer.id if item.customer else None
        if row and "customer" in item.payload and customer != row.customer_id:
            why.append(differs("customer", here=row.customer_id, there=customer))
        if customer in wrong:
            why.append(OTHER_EMAIL)
    return found


def why_due(row: Any) -> str:
    """Why the details of an order are to be read; empty when they are not."""
    if not row.dirty:
        return ""
    if row.detailed_at is None:
        return "Its details were never read; the next sync does."
    return "It is to be read again; the next sync does."
