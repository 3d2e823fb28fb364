"""Finds orders that changed after they were read, without reading all of them again.

No list has an "updated since" filter (Source: P-20). What moves an old order leaves a trace
elsewhere, though: refunds and disputes have lists of their own, newest first (P-23), and unsettled
orders are few. What is missed all the same shows in the number of orders per status, which seven
one-row requests tell; a status that differs is read. Counts can agree while rows differ, so they
are the net under the others and prove little alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count

from pandabase_django.api import schemas
from pandabase_django.api.schemas import Page
from pandabase_django.exceptions import MissingPermission
from pandabase_django.models import Order, SyncCursor
from pandabase_django.services.sync.details import mark_dirty
from pandabase_django.services.sync.paging import PAGE_SIZE
from pandabase_django.services.sync.sweep import SyncContext

__all__ = [
    "ORDER_STATUSES",
    "cannot_watch",
    "dirty_count",
    "mark_late_changes",
    "read_differing_statuses",
    "start_watching",
]

# P-27. An order in a status that is not named here is found by the sum alone.
ORDER_STATUSES = (
    "PENDING",
    "PROCESSING",
    "FAILED",
    "CANCELLED",
    "CHARGEBACK",
    "REFUNDED",
    "COMPLETED",
)
OPEN_ORDERS = ("PENDING", "PROCESSING")
OPEN_DISPUTES = ("AWAITING_REVIEW", "UNDER_REVIEW")
OVERLAP = timedelta(hours=1)  # a movement may become visible later than one made after it
MOVEMENTS = ("refunds", "disputes")

WritePage = Callable[[Page[schemas.OrderSummary]], None]


def start_watching(context: SyncContext) -> None:
    """Note where the lists of refunds and disputes end now, before any order is read."""
    for kind in MOVEMENTS:
        if kind in context.cursor.checkpoint:
            continue
        try:
            page = _list(context, kind)(page=1, limit=PAGE_SIZE)
        except MissingPermission as error:
            context.recorder.warn([f"{kind.title()} can't be watched: {error}"])
            continue
        _remember(context, kind, list(page.items))
        if kind == "disputes":
            context.cursor.checkpoint["open_disputes"] = _open_disputes(context)
    _save(context)


def cannot_watch(context: SyncContext) -> bool:
    """Whether refunds or disputes are closed to this token."""
    return any(kind not in context.cursor.checkpoint for kind in MOVEMENTS)


def mark_late_changes(context: SyncContext, *, write: WritePage) -> None:
    """Mark the orders dirty that refunds, disputes and unsettled states tell of."""
    for kind in MOVEMENTS:
        if kind in context.cursor.checkpoint:
            with context.recorder.step(f"orders: new {kind}"):
                try:
                    _mark_movements(context, kind)
                except MissingPermission as error:
                    context.cursor.checkpoint.pop(kind)
                    context.recorder.warn([f"{kind.title()} can't be watched: {error}"])
    with context.recorder.step("orders: unsettled ones"):
        for status in OPEN_ORDERS:
            _read_status(context, status, write=write)
    _save(context)


def read_differing_statuses(context: SyncContext, *, write: WritePage) -> bool:
    """Compare the counts per status and read those that differ, the smallest first.

    Returns:
        Whether any differed, so that details may be due again.
    """
    with context.recorder.step("orders: counts per status") as entry:
        there = {status: _count(context, status) for status in ORDER_STATUSES}
        differing = sorted(_differing(context, there), key=lambda status: there[status])
        entry["differing"] = differing
        for status in differing:
            _read_status(context, status, write=write)
    return bool(differing)


def dirty_count(context: SyncContext) -> int:
    """Orders of this store whose details are due."""
    return Order.objects.filter(store=context.store, dirty=True).count()


def _mark_movements(context: SyncContext, kind: str) -> None:
    known: dict[str, Any] = context.cursor.checkpoint[kind]
    newest = datetime.fromisoformat(known["newest"]) if known["newest"] else None
    fresh: list[schemas.Refund | schemas.Dispute] = []
    number = 0
    while True:
        number += 1
        page = _list(context, kind)(page=number, limit=PAGE_SIZE)
        fresh.extend(page.items)
        oldest = min((i.created_at for i in page.items if i.created_at), default=None)
        reached = newest is not None and oldest is not None and oldest < newest - OVERLAP
        if reached or number >= page.total_pages:
            break
    orders = {
        item.order_id
        for item in fresh
        if item.order_id
        and (newest is None or item.created_at is None or item.created_at >= newest - OVERLAP)
        and known["recent"].get(item.id) != item.status
    }
    if kind == "disputes":
        before = context.cursor.checkpoint.get("open_disputes", {})
        now = _open_disputes(context)
        orders |= {order for pk, order in before.items() if pk not in now and order}
        context.cursor.checkpoint["open_disputes"] = now
    _mark(context, orders)
    _remember(context, kind, fresh)


def _remember(context: SyncContext, kind: str, items: list[Any]) -> None:
    times = [item.created_at for item in items if item.created_at]
    newest = max(times, default=None)
    recent = {
        item.id: item.status
        for item in items
        if newest is None or item.created_at is None or item.created_at >= newest - OVERLAP
    }
    context.cursor.checkpoint[kind] = {
        "newest": newest.isoformat() if newest else "",
        "recent": recent,
    }


def _open_disputes(context: SyncContext) -> dict[str, str]:
    found: dict[str, str] = {}
    for status in OPEN_DISPUTES:
        for dispute in context.client.disputes.iterate(status=status):
            found[dispute.id] = dispute.order_id or ""
    return found


def _read_status(context: SyncContext, status: str, *, write: WritePage) -> None:
    """Read all orders of one status; local ones that the remote no longer lists are due."""
    orders = context.client.orders
    seen: set[str] = set()
    for page in context.reader.pages(
        lambda number: orders.list(page=number, limit=PAGE_SIZE, sort="asc", status=status)
    ):
        seen.update(item.id for item in page.items)
        write(page)
    here = Order.objects.filter(store=context.store, status=status, dirty=False)
    left = [pk for pk in here.values_list("pk", flat=True).iterator() if pk not in seen]
    _mark(context, left)


def _mark(context: SyncContext, ids: Collection[str]) -> None:
    if context.dry_run or not ids:
        return
    ordered = sorted(ids)
    for chunk in _chunks(ordered, 500):
        with context.writing():
            mark_dirty(Order.objects.filter(store=context.store, pk__in=chunk, dirty=False))


def _chunks(items: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _count(context: SyncContext, status: str) -> int:
    return context.client.orders.list(page=1, limit=1, status=status).total


def _differing(context: SyncContext, there: dict[str, int]) -> set[str]:
    here = dict(
        Order.objects.filter(store=context.store)
        .order_by()
        .values_list("status")
        .annotate(Count("pk"))
    )
    return {status for status, count in there.items() if here.get(status, 0) != count}


def _list(context: SyncContext, kind: str) -> Any:
    return context.client.refunds.list if kind == "refunds" else context.client.disputes.list


def _save(context: SyncContext) -> None:
    if not context.dry_run:
        SyncCursor.objects.filter(pk=context.cursor.pk).update(checkpoint=context.cursor.checkpoint)
