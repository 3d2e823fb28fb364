"""Locks orders and reads how they are here, to compare answers with them; see ``doubts``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from django.db.models import F

from pandabase_django.api import schemas
from pandabase_django.database import connection
from pandabase_django.models import Order
from pandabase_django.services.sync.due.causes import LAG_AT_MOST, Cause, Shown
from pandabase_django.services.sync.orders.details.doubts import LocalOrder
from pandabase_django.services.sync.run.lease import limit_idling

__all__ = ["forget_causes", "lock_orders"]


def lock_orders(asked_at: Mapping[str, datetime], *, store_id: str) -> dict[str, LocalOrder]:
    """Lock orders as far as they are here.

    Args:
        asked_at: When each was asked for, by its id.
        store_id: The store.
    """
    limit_idling()
    rows = Order.objects.filter(store_id=store_id, pk__in=list(asked_at))
    if connection.features.has_select_for_update:
        rows = rows.select_for_update().order_by("pk")
    else:
        # SQLite locks the whole database with the first write; reading first would let another
        # writer in between and end in "database is locked".
        rows.update(dirty_mark=F("dirty_mark"))
    known: dict[str, LocalOrder] = {}
    first_seen: dict[str, datetime] = {}
    compared: list[str] = []
    for row in rows.values("pk", *_COLUMNS):
        pk = row["pk"]
        known[pk] = local = LocalOrder(
            status=row["status"],
            updated_at=row["updated_at"],
            detailed_at=row["detailed_at"],
            mark=row["dirty_mark"],
            digest=row["digest"],
            due_since=row["due_since"],
            shown=Shown.from_json(row["list_row"]),
            cause=Cause.from_json(row["due_cause"]),
            payload={},
        )
        first_seen[pk] = row["first_seen_at"]
        # The payload of an order that was never read whole is the row of a list.
        new = local.detailed_at is None and asked_at[pk] - first_seen[pk] < LAG_AT_MOST
        if new or local.shown or local.cause:
            compared.append(pk)
    payloads = Order.objects.filter(pk__in=compared).values_list("pk", "payload")
    for pk, payload in payloads if compared else ():
        local = known[pk]
        if local.detailed_at is not None:
            known[pk] = replace(local, payload=payload)
        elif local.shown is None:
            known[pk] = replace(local, shown=Shown(order=payload, at=first_seen[pk]))
    return known


def forget_causes(
    believed: Collection[schemas.Order],
    known: Mapping[str, LocalOrder],
    asked_at: Mapping[str, datetime],
    *,
    store_id: str,
    now: datetime,
) -> None:
    """Forget what asked for these orders, as far as no replica can be behind it any more.

    Until then it stays, though the order is no longer due: the next answer may be an older one.
    A list row that the details never came to agree with is noted as given up, or it would ask for
    them in every run.

    Args:
        believed: The answers.
        known: How the orders were before, locked.
        asked_at: When each was asked for, by its id.
        store_id: The store.
        now: The time.
    """
    orders = Order.objects.filter(store_id=store_id)
    rows, causes = [], []
    for answer in believed:
        local, at = known.get(answer.id), asked_at[answer.id]
        if local is None:
            continue
        shown, cause = local.shown, local.cause
        if shown is not None and local.trails(answer, shown, now):
            if not shown.given_up:
                given_up = replace(shown, given_up=True).to_json()
                orders.filter(pk=answer.id).update(list_row=given_up)
        elif shown is not None and not shown.is_open(asked_at=at):
            rows.append(answer.id)
        if cause is not None and (local.is_overdue(at) or not cause.is_open(asked_at=at)):
            causes.append(answer.id)
    if rows:
        orders.filter(pk__in=rows, list_row__isnull=False).update(list_row=None)
    if causes:
        orders.filter(pk__in=causes).update(due_cause=None)


_COLUMNS = (
    "status",
    "updated_at",
    "detailed_at",
    "dirty_mark",
    "digest",
    "first_seen_at",
    "due_since",
    "list_row",
    "due_cause",
)
