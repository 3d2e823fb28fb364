"""What the sync is measured against, each written as well as its kind allows.

All store into the very table the sync fills, with its columns and indexes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from benchmarks.remote import Remote
from benchmarks.wire import Wire, several
from pandabase_django.models import Order

__all__ = ["fetch_details_only", "fetch_only", "floor", "per_object"]

# What the list form tells of an order, and the not-null columns it does not.
_FROM_LIST = (
    "id", "store_id", "payload", "list_digest", "first_seen_at", "synced_at", "order_number",
    "status", "amount_minor", "currency", "discount_code", "customer_id", "payment_status",
    "total_minor", "created_at", "dirty", "dirty_mark",
)  # fmt: skip


def fetch_only(remote: Remote, *, connections: int, orders: int) -> int:
    """Every page of orders, parsed, not stored."""
    return sum(len(items) for items in _pages(remote, connections=connections, orders=orders))


def fetch_details_only(remote: Remote, *, connections: int, ids: list[str]) -> int:
    """The detail form of these orders, parsed, not stored."""
    wire = Wire(remote, connections=connections)
    return sum(1 for _ in several(wire.order, ids, connections=connections))


def floor(remote: Remote, *, connections: int, orders: int) -> int:
    """Fetch, COPY into a temporary table while fetching, one INSERT … ON CONFLICT."""
    columns = ", ".join(_FROM_LIST)
    # The model's other columns may not be null, and their defaults are Python's.
    rest = [
        field.column
        for field in Order._meta.concrete_fields
        if field.column not in _FROM_LIST and not field.null
    ]
    updates = ", ".join(f"{name} = excluded.{name}" for name in _FROM_LIST[2:])
    now = timezone.now()
    count = 0
    connection.ensure_connection()
    raw = connection.connection
    with raw.transaction(), raw.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE landing ON COMMIT DROP AS"
            f" SELECT {columns} FROM pandabase_order WITH NO DATA"
        )
        with cursor.copy(f"COPY landing ({columns}) FROM STDIN") as copy:
            for items in _pages(remote, connections=connections, orders=orders):
                for item in items:
                    copy.write_row(_row(item, remote.store_id, now))
                count += len(items)
        cursor.execute(
            f"INSERT INTO pandabase_order ({columns}, {', '.join(rest)})"
            f" SELECT {columns}, {', '.join(chr(39) * 2 for _ in rest)} FROM landing"
            f" ON CONFLICT (store_id, id) DO UPDATE SET {updates}"
        )
    return count


def per_object(remote: Remote, *, orders: int) -> int:
    """Page after page, ``update_or_create`` row by row, as most Django integrations do."""
    wire = Wire(remote, connections=1)
    now = timezone.now()
    count = 0
    for page in range(1, orders // 100 + 1):
        for item in wire.orders(page)["items"]:
            values = dict(zip(_FROM_LIST, _row(item, remote.store_id, now), strict=True))
            values["payload"] = item
            Order.objects.update_or_create(
                id=values.pop("id"), store_id=values.pop("store_id"), defaults=values
            )
            count += 1
    return count


def _pages(remote: Remote, *, connections: int, orders: int) -> Iterator[list[dict[str, Any]]]:
    wire = Wire(remote, connections=connections)
    numbers = range(1, -(-orders // 100) + 1)
    return (page["items"] for page in several(wire.orders, numbers, connections=connections))


def _row(item: dict[str, Any], store_id: str, now: datetime) -> tuple[Any, ...]:
    payment = item.get("payment") or {}
    return (
        item["id"],
        store_id,
        json.dumps(item),
        "",
        now,
        now,
        item["orderNumber"],
        item["status"],
        item["amount"],
        item["currency"],
        item.get("discountCode") or "",
        (item.get("customer") or {}).get("id"),
        payment.get("status") or "",
        payment.get("totalAmount"),
        datetime.fromisoformat(item["createdAt"].replace("Z", "+00:00")),
        True,
        1,
    )
