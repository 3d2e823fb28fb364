"""Writes the detail form of orders, with their line items and customers.

Needs no lease: the order rows are locked while they are compared, an answer with an older
``updatedAt`` never overwrites a newer one, and the dirty mark is cleared only when it is still the
one that was set before the details were asked for. So two workers, a webhook and a sweep may all
read the same order, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from pandabase_django import signals
from pandabase_django.api import schemas
from pandabase_django.models import Order, OrderItem
from pandabase_django.services.sync.children import write_children
from pandabase_django.services.sync.customers import write_customers
from pandabase_django.services.sync.lease import limit_idling
from pandabase_django.services.sync.rows import item_row, order_row
from pandabase_django.services.sync.upsert import Change, Outcome, upsert

__all__ = ["Detailed", "mark_dirty", "write_details"]

# What the list form or the dirty mark owns; the detail form leaves it alone.
KEPT = frozenset({"list_digest", "dirty_mark"})


@dataclass(frozen=True, slots=True)
class Detailed:
    """One answer.

    Attributes:
        order: What the remote said.
        mark: The dirty mark that stood before it was asked for.
        asked_at: When it was asked for; None when nobody else can have asked meanwhile.
    """

    order: schemas.Order
    mark: int
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    updated_at: datetime | None
    detailed_at: datetime | None
    mark: int
    digest: str

    def is_newer_than(self, detail: Detailed) -> bool:
        """The row is from a later state than the answer, by the remote's own time."""
        answer = detail.order.updated_at
        return answer is not None and self.updated_at is not None and answer < self.updated_at

    def rivals(self, detail: Detailed) -> bool:
        """Row and answer differ, and no time tells which is the later one."""
        times = (detail.asked_at, self.detailed_at)
        return (
            None not in times
            and self.detailed_at >= detail.asked_at  # type: ignore[operator]
            and detail.order.updated_at in (None, self.updated_at)
            and detail.order.digest != self.digest
        )


def mark_dirty(orders: QuerySet[Order]) -> int:
    """Ask for the details of these orders (again). Returns how many were marked."""
    return orders.update(dirty=True, dirty_mark=F("dirty_mark") + 1, unread_at=None)


def write_details(details: Sequence[Detailed], *, store_id: str, silent: bool) -> Outcome[Any]:
    """Write orders in their detail form; call inside a transaction.

    An answer older than the row writes nothing, and the order stays dirty: whoever marked it knew
    of a later state than that answer. So does one that differs while no time tells which is later.

    Args:
        details: The answers.
        store_id: The store they were read from.
        silent: Send no signal (a store's first sync).
    """
    now = timezone.now()
    newest: dict[str, Detailed] = {}
    for detail in details:
        other = newest.get(detail.order.id)
        if other is None or not _older(detail.order.updated_at, other.order.updated_at):
            newest[detail.order.id] = detail
    known = _lock(list(newest))
    outdated = {pk for pk, row in known.items() if row.is_newer_than(newest[pk])}
    rivals = {pk for pk, row in known.items() if row.rivals(newest[pk])}
    current = [detail for pk, detail in newest.items() if pk not in outdated | rivals]
    rows = [
        order_row(
            detail.order,
            dirty=detail.order.id in known and known[detail.order.id].mark != detail.mark,
            store_id=store_id,
            now=now,
        )
        for detail in current
    ]
    outcome = upsert(Order, rows, keep=KEPT)
    result: Outcome[Any] = Outcome(warnings=list(outcome.warnings))
    result.warnings.extend(
        f"{pk}: an answer was older than what stands here." for pk in sorted(outdated)
    )
    for detail in current:
        result.warnings.extend(f"{detail.order.id}: {text}" for text in detail.order.warnings)
    result.changes.extend(outcome.changes)
    result.unchanged = outcome.unchanged
    changed = {change.row.pk for change in outcome.changes}
    _clear_marks([detail for detail in current if detail.order.id not in changed], known)
    if rivals:
        mark_dirty(Order.objects.filter(pk__in=rivals))
    written = [detail.order for detail in current if detail.order.id in changed]
    _write_items(written, store_id=store_id, now=now, result=result)
    write_customers(
        [(order.customer, order.created_at) for order in written], store_id=store_id, now=now
    )
    if not silent:
        _announce(outcome.changes, known)
    return result


def _older(answer: datetime | None, stored: datetime | None) -> bool:
    return answer is not None and stored is not None and answer < stored


def _lock(ids: list[str]) -> dict[str, _Known]:
    limit_idling()
    rows = Order.objects.filter(pk__in=ids)
    if connection.features.has_select_for_update:
        rows = rows.select_for_update().order_by("pk")
    else:
        # SQLite locks the whole database with the first write; reading first would let another
        # writer in between and end in "database is locked".
        rows.update(dirty_mark=F("dirty_mark"))
    return {
        pk: _Known(updated_at=updated_at, detailed_at=detailed_at, mark=mark, digest=digest)
        for pk, updated_at, detailed_at, mark, digest in rows.values_list(
            "pk", "updated_at", "detailed_at", "dirty_mark", "digest"
        )
    }


def _clear_marks(details: list[Detailed], known: dict[str, _Known]) -> None:
    """Clear the marks of orders that needed no write; newer marks stay."""
    clean = [
        d.order.id for d in details if d.order.id in known and known[d.order.id].mark == d.mark
    ]
    Order.objects.filter(pk__in=clean).update(dirty=False, unread_at=None)


def _write_items(
    orders: list[schemas.Order], *, store_id: str, now: datetime, result: Outcome[Any]
) -> None:
    listed = {
        order.id: [
            item_row(item, position=position, order=order, store_id=store_id, now=now)
            for position, item in enumerate(order.items)
        ]
        for order in orders
        if order.items is not None
    }
    result.include(write_children(OrderItem, parent="order_id", listed=listed, now=now))


def _announce(changes: Sequence[Change[Order]], known: dict[str, _Known]) -> None:
    if not (
        signals.order_synced.has_listeners(Order)
        or signals.order_status_changed.has_listeners(Order)
    ):
        return

    def send() -> None:
        for change in changes:
            before = known.get(change.row.pk)
            signals.send(
                signals.order_synced,
                sender=Order,
                order=change.row,
                created=before is None or before.detailed_at is None,
                changed=change.columns,
            )
            if "status" in change.columns:
                signals.send(
                    signals.order_status_changed,
                    sender=Order,
                    order=change.row,
                    old=change.before["status"],
                    new=change.row.status,
                )

    transaction.on_commit(send, robust=True)
