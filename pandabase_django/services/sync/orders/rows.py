"""Turns what the remote shows of orders into rows: its fields become columns.

New orders of a list are written by COPY, from plain values; see ``summaries``.
"""

from __future__ import annotations

from datetime import datetime

from pandabase_django.api import schemas
from pandabase_django.models import Order, OrderItem
from pandabase_django.services.sync.mirror.rows import row_of
from pandabase_django.services.sync.mirror.upsert import child_digest, child_id

__all__ = ["item_row", "order_row"]


def order_row(
    order: schemas.Order,
    *,
    store_id: str,
    now: datetime,
    dirty: bool = False,
    due_since: datetime | None = None,
) -> Order:
    """An order in its detail form; ``dirty`` when it is to be read again all the same."""
    return row_of(
        Order,
        order,
        store_id=store_id,
        now=now,
        detailed_at=now,
        dirty=dirty,
        due_since=due_since,
        customer_id=order.customer.id if order.customer else None,
    )


def item_row(
    item: schemas.OrderItem,
    *,
    position: int,
    order: schemas.Order,
    store_id: str,
    now: datetime,
) -> OrderItem:
    """A line of an order; one without an id is called by its place in the order."""
    currency = order.currency or ""
    return row_of(
        OrderItem,
        item,
        store_id=store_id,
        now=now,
        id=child_id(item.id, parent=order.id, position=position),
        digest=child_digest(item.digest, position=position, currency=currency),
        order_id=order.id,
        position=position,
        currency=currency,
    )
