"""The newest orders that something belongs to, for the pages of customers and products."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from pandabase_django.admin.base.display import badge, money
from pandabase_django.admin.base.links import change_url
from pandabase_django.admin.base.rights import may_view
from pandabase_django.admin.base.scope import visible_rows
from pandabase_django.admin.mirror.orders import ORDER_TONES
from pandabase_django.models import Order

__all__ = ["recent_orders"]

SHOWN = 20


@dataclass(frozen=True, slots=True)
class ShownOrder:
    """An order in a table of a few."""

    url: str
    name: str
    state: str
    amount: str
    created_at: datetime | None


def recent_orders(
    site: admin.AdminSite, request: HttpRequest, orders: QuerySet[Order]
) -> dict[str, Any]:
    """Context of ``recent_orders.html``; no orders for people who may not see orders."""
    if not may_view(site, request, Order):
        return {"orders_hidden": True}
    visible = visible_rows(site, request, Order)
    newest = visible.filter(pk__in=orders.values("pk")).order_by("-created_at", "-id")
    # Nothing that a shop's list joins: Django can't join a column that it is not to read.
    rows = newest.select_related(None).only(
        "order_number", "status", "amount_minor", "currency", "created_at"
    )
    return {
        "orders": [
            ShownOrder(
                url=change_url(site, "order", row.pk),
                name=row.order_number or row.pk,
                state=badge(row.status, tone=ORDER_TONES.get(row.status, "quiet")),
                amount=money(row.amount_minor, row.currency),
                created_at=row.created_at,
            )
            for row in rows[:SHOWN]
        ]
    }
