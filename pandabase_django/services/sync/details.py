"""Writes the detail form of orders, with their line items and customers.

Needs no lease: the order rows are locked while they are compared, an answer with an older
``updatedAt`` does not overwrite a newer one, and the dirty mark is cleared only when it is still
the one that was set before the details were asked for. So two workers, a webhook and a sweep may
all read the same order, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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

# Answers overtake each other, and replicas lag, by seconds. A remote whose time went back, or was
# wrong, still says so when the row has stood for that long.
BELIEVED_AFTER = timedelta(hours=1)
# Why an answer is not believed.
OLDER = "an answer was older than what stands here."
RIVAL = "two answers differ, and no time tells which is the later one."
BEHIND = "an answer was as before, though a list had shown the order otherwise."


@dataclass(frozen=True, slots=True)
class Shown:
    """How a list showed an order that it had shown otherwise before, and when that was written."""

    row: schemas.OrderRow
    at: datetime


@dataclass(frozen=True, slots=True)
class Detailed:
    """One answer.

    Attributes:
        order: What the remote said.
        mark: The dirty mark that stood before it was asked for.
        asked_at: When it was asked for; None when nobody else can have asked meanwhile.
        shown: The list that led to asking; None when there was none, or nobody knows.
    """

    order: schemas.Order
    mark: int
    asked_at: datetime | None = None
    shown: Shown | None = None


@dataclass(slots=True)
class Written(Outcome[Any]):
    """What a batch of answers came to.

    Attributes:
        doubted: Ids of orders that stay due, since their answers can't be believed.
    """

    doubted: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Known:
    updated_at: datetime | None
    detailed_at: datetime | None
    mark: int
    digest: str

    def doubts(self, detail: Detailed, *, now: datetime) -> str:
        """Why the answer can't be believed; "" when it can."""
        if self._is_newer_than(detail, now=now):
            return OLDER
        if self._rivals(detail):
            return RIVAL
        if self._stands_behind_the_list(detail):
            return BEHIND
        return ""

    def _is_newer_than(self, detail: Detailed, *, now: datetime) -> bool:
        """The row is from a later state than the answer, by the remote's own time."""
        answer = detail.order.updated_at
        if answer is None or self.updated_at is None or answer >= self.updated_at:
            return False
        asked_at = detail.asked_at or now
        return self.detailed_at is None or asked_at - self.detailed_at < BELIEVED_AFTER

    def _rivals(self, detail: Detailed) -> bool:
        """Row and answer differ, and no time tells which is the later one."""
        times = (detail.asked_at, self.detailed_at)
        return (
            None not in times
            and self.detailed_at >= detail.asked_at  # type: ignore[operator]
            and detail.order.updated_at in (None, self.updated_at)
            and detail.order.digest != self.digest
        )

    def _stands_behind_the_list(self, detail: Detailed) -> bool:
        """A cache answered: nothing moved since the last reading, but the list says otherwise."""
        shown = detail.shown
        return (
            shown is not None
            and self.digest == detail.order.digest
            and (self.detailed_at is None or self.detailed_at < shown.at)
            and not shown.row.summary.agrees_with(detail.order)
        )


def mark_dirty(orders: QuerySet[Order]) -> int:
    """Ask for the details of these orders (again). Returns how many were marked."""
    return orders.update(dirty=True, dirty_mark=F("dirty_mark") + 1, unread_at=None)


def write_details(details: Sequence[Detailed], *, store_id: str, silent: bool) -> Written:
    """Write orders in their detail form; call inside a transaction.

    An answer older than the row writes nothing, and the order stays dirty: whoever marked it knew
    of a later state than that answer. So does one that differs while no time tells which is later,
    and one that does not show what a list showed before.

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
    doubts = {pk: why for pk, row in known.items() if (why := row.doubts(newest[pk], now=now))}
    current = [detail for pk, detail in newest.items() if pk not in doubts]
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
    result = Written(doubted=sorted(doubts))
    result.include(outcome)
    result.warnings.extend(f"{pk}: {why}" for pk, why in sorted(doubts.items()))
    for detail in current:
        result.warnings.extend(f"{detail.order.id}: {text}" for text in detail.order.warnings)
    changed = {change.row.pk for change in outcome.changes}
    _clear_marks([detail for detail in current if detail.order.id not in changed], known)
    # Whoever wrote the other one may have cleared the mark.
    mark_dirty(Order.objects.filter(pk__in=[pk for pk, why in doubts.items() if why == RIVAL]))
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
