"""Marks orders whose details are to be read, together with what asked for it.

A mark is a number that only grows, so that one made while details are read is never cleared by
them. What asked for it (``causes``) shows later which answers are from before it (``doubts``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.db.models import Case, DateTimeField, F, JSONField, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.models import Order
from pandabase_django.services.sync.due.causes import Cause, Shown

__all__ = ["keep_digests", "mark_contradicted", "mark_dirty", "mark_listed"]

CASES_PER_STATEMENT = 100


def mark_dirty(
    orders: QuerySet[Order], *, causes: Mapping[str, Cause] = MappingProxyType({})
) -> int:
    """Ask for the details of these orders (again).

    Args:
        orders: Which.
        causes: What asked for some of them, by their ids; call inside a transaction then.

    Returns:
        How many were marked.
    """
    marked = orders.update(**_marked(timezone.now()))
    if causes:
        # They are locked by now: two causes that come at once are laid beside each other.
        known = dict(orders.filter(pk__in=causes).values_list("pk", "due_cause"))
        new = {
            pk: causes[pk].to_json()
            for pk, kept in known.items()
            if causes[pk].outweighs(Cause.from_json(kept))
        }
        if new:
            orders.filter(pk__in=new).update(due_cause=_by_id(new, otherwise="due_cause"))
    return marked


def mark_listed(rows: Sequence[schemas.OrderRow], *, store_id: str, now: datetime) -> None:
    """Ask for the details of orders that a list shows otherwise than before."""
    if not rows:
        return
    Order.objects.filter(store_id=store_id, pk__in=[row.id for row in rows]).update(
        **_marked(now),
        list_digest=_digests(rows),
        list_row=_by_id({row.id: _shown(row, now) for row in rows}, otherwise="list_row"),
    )


def keep_digests(rows: Sequence[schemas.OrderRow], *, store_id: str) -> None:
    """Note the bytes in which a list shows orders as before; nothing of them changed."""
    for start in range(0, len(rows), CASES_PER_STATEMENT):
        part = rows[start : start + CASES_PER_STATEMENT]
        orders = Order.objects.filter(store_id=store_id, pk__in=[row.id for row in part])
        orders.update(list_digest=_digests(part))


def mark_contradicted(rows: Sequence[schemas.OrderRow], *, store_id: str, now: datetime) -> None:
    """Ask for the details of orders that a list shows as before, and otherwise than they are here.

    Those that are due already and wait for this run's first attempt are left alone. A row that is
    kept stays: it was shown no later than that.
    """
    orders = Order.objects.filter(store_id=store_id, pk__in=[row.id for row in rows])
    waits_for_nothing = Q(dirty=False) | Q(unread_at__isnull=False)
    kept = {
        row.id: When(
            pk=row.id, list_row__isnull=True, then=Value(_shown(row, now), output_field=JSONField())
        )
        for row in rows
    }
    orders.filter(waits_for_nothing).update(
        **_marked(now), list_row=Case(*kept.values(), default=F("list_row"))
    )


def _marked(now: datetime) -> dict[str, Any]:
    return {
        "dirty": True,
        "dirty_mark": F("dirty_mark") + 1,
        "unread_at": None,
        "due_since": Coalesce(F("due_since"), Value(now, output_field=DateTimeField())),
    }


def _shown(row: schemas.OrderRow, now: datetime) -> dict[str, Any]:
    return Shown(order=row.payload, at=now).to_json()


def _digests(rows: Sequence[schemas.OrderRow]) -> Case:
    return Case(
        *(When(pk=row.id, then=Value(row.digests)) for row in rows), default=F("list_digest")
    )


def _by_id(values: Mapping[str, dict[str, Any]], *, otherwise: str) -> Case:
    return Case(
        *(When(pk=pk, then=Value(v, output_field=JSONField())) for pk, v in values.items()),
        default=F(otherwise),
    )
