"""Writes the detail form of orders, with their line items and customers.

Needs no lease: the order rows are locked while they are compared, an answer with an older
``updatedAt`` does not overwrite a newer one, and the dirty mark is cleared only when it is still
the one that was set before the details were asked for. So two workers, a webhook and a sync may
all read the same order, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from pandabase_django import signals
from pandabase_django.api import schemas
from pandabase_django.database import transaction
from pandabase_django.models import Order, OrderItem
from pandabase_django.services.purchases.matching import match_orders
from pandabase_django.services.sync.due.marks import mark_dirty
from pandabase_django.services.sync.mirror.children import write_children
from pandabase_django.services.sync.mirror.upsert import upsert
from pandabase_django.services.sync.orders.customers import (
    differing_customers,
    write_customers,
)
from pandabase_django.services.sync.orders.details.doubts import RIVAL, LocalOrder
from pandabase_django.services.sync.orders.details.local_orders import forget_causes, lock_orders
from pandabase_django.services.sync.orders.rows import item_row, order_row
from pandabase_django.services.sync.run.outcome import Change, Outcome

__all__ = ["Detailed", "Written", "mark_dirty", "write_details"]

# What the list form or the dirty mark owns; the detail form leaves it alone.
KEPT = frozenset({"list_digest", "list_row", "dirty_mark", "due_cause"})


@dataclass(frozen=True, slots=True)
class Detailed:
    """One answer.

    Attributes:
        order: What the remote said.
        mark: The dirty mark before it was asked for.
        asked_at: When it was asked for; None when nobody else can have asked meanwhile.
    """

    order: schemas.Order
    mark: int
    asked_at: datetime | None = None


@dataclass(slots=True)
class Written(Outcome[Any]):
    """What a batch of answers came to.

    Attributes:
        doubted: Ids of orders that stay due, since their answers can't be believed.
    """

    doubted: list[str] = field(default_factory=list)


def write_details(details: Sequence[Detailed], *, store_id: str, silent: bool) -> Written:
    """Write orders in their detail form; call inside a transaction.

    An answer that is doubted (``doubts``) leaves its order due: whoever marked it knew of a later
    state. It is written all the same when it is at least later than the row.

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
    asked_at = {pk: detail.asked_at or now for pk, detail in newest.items()}
    known = lock_orders(asked_at, store_id=store_id)
    doubts = {
        pk: doubt
        for pk, row in known.items()
        if (doubt := row.doubt(newest[pk].order, asked_at=newest[pk].asked_at, now=now))
    }
    current = [d for pk, d in newest.items() if pk not in doubts or doubts[pk].newer]
    rows = []
    for detail in current:
        pk, before = detail.order.id, known.get(detail.order.id)
        due = pk in doubts or (before is not None and before.mark != detail.mark)
        due_since = (before.due_since if before else None) or now if due else None
        rows.append(
            order_row(detail.order, dirty=due, due_since=due_since, store_id=store_id, now=now)
        )
    outcome = upsert(Order, rows, keep=KEPT)
    result = Written(doubted=sorted(doubts))
    result.include(outcome)
    result.warnings.extend(f"{pk}: {doubt.why}" for pk, doubt in sorted(doubts.items()))
    for detail in current:
        result.warnings.extend(f"{detail.order.id}: {text}" for text in detail.order.warnings)
    changed = {change.row.pk for change in outcome.changes}
    believed = [detail for detail in current if detail.order.id not in doubts]
    unchanged = [detail for detail in believed if detail.order.id not in changed]
    _clear_marks(unchanged, known, store_id=store_id)
    orders = [detail.order for detail in believed]
    forget_causes(orders, known, asked_at, store_id=store_id, now=now)
    # Whoever wrote the other one may have cleared the mark.
    rivals = [pk for pk, doubt in doubts.items() if doubt.why == RIVAL]
    mark_dirty(Order.objects.filter(store_id=store_id, pk__in=rivals))
    written = [detail.order for detail in current if detail.order.id in changed]
    _write_items(written, store_id=store_id, now=now, result=result)
    left = {c.before["customer_id"] for c in outcome.changes if "customer_id" in c.columns}
    write_customers(
        written,
        doubtful=differing_customers(d.order for d in unchanged) | (left - {None}),
        store_id=store_id,
        now=now,
    )
    # Those that are doubted are read again: nothing is handed out for a state that may be over.
    match_orders([detail.order for detail in believed], store_id=store_id)
    if not silent:
        _announce(outcome.changes, known)
    return result


def _older(answer: datetime | None, stored: datetime | None) -> bool:
    return answer is not None and stored is not None and answer < stored


def _clear_marks(details: list[Detailed], known: dict[str, LocalOrder], *, store_id: str) -> None:
    """Clear the marks of orders that needed no write; newer marks stay."""
    clean = [
        d.order.id for d in details if d.order.id in known and known[d.order.id].mark == d.mark
    ]
    Order.objects.filter(store_id=store_id, pk__in=clean).update(
        dirty=False, unread_at=None, due_since=None
    )


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
    result.include(
        write_children(OrderItem, parent="order_id", listed=listed, store_id=store_id, now=now)
    )


def _announce(changes: Sequence[Change[Order]], known: dict[str, LocalOrder]) -> None:
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

    # Not robust: Django would hold back the task's own time limit. Receivers' errors stay inside.
    transaction.on_commit(send)
