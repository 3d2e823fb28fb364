"""Writes orders in their list form: new ones with what the list tells, and dirty marks.

The list form never changes a column of an order that is here already (Source: P-21): a list item
that differs from the last one only asks for the details.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Value, When

from pandabase_django.api import schemas
from pandabase_django.models import Order
from pandabase_django.models.lookups import Among
from pandabase_django.services.sync.bulk import insert_new
from pandabase_django.services.sync.customers import write_customers

__all__ = ["Noted", "write_summaries"]


@dataclass(frozen=True, slots=True)
class Noted:
    """What a batch of list items came to.

    Attributes:
        new: Ids that were inserted.
        changed: Those that were marked dirty, since the list shows them otherwise than before.
        moved: Ids that stand here in another status, or as tombstones.
        unchanged: How many needed nothing.
        warnings: What could not be read of new ones, and rows of another store.
    """

    new: tuple[str, ...]
    changed: tuple[schemas.OrderRow, ...]
    moved: tuple[str, ...]
    unchanged: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Compared:
    new: list[schemas.OrderRow]
    changed: dict[str, str]
    moved: list[str]
    foreign: list[str]


def write_summaries(
    batch: Sequence[schemas.OrderRow], *, store_id: str, now: datetime, dry_run: bool
) -> Noted:
    """Insert new orders and mark changed ones dirty; call inside a transaction."""
    listed = {item.id: item for item in batch}
    try:
        with transaction.atomic():
            found = _compare(listed, store_id=store_id)
            if not dry_run:
                insert_new(Order, [_row(item, store_id=store_id, now=now) for item in found.new])
    except IntegrityError:
        # A webhook or another worker inserted one of them a moment ago: it is known now.
        with transaction.atomic():
            found = _compare(listed, store_id=store_id)
            insert_new(Order, [_row(item, store_id=store_id, now=now) for item in found.new])
    if not dry_run:
        _mark(found.changed)
        write_customers(
            [(row.summary.customer, row.summary.created_at) for row in found.new],
            store_id=store_id,
            now=now,
        )
    return Noted(
        new=tuple(item.id for item in found.new),
        changed=tuple(listed[pk] for pk in found.changed),
        moved=tuple(found.moved),
        unchanged=len(listed) - len(found.new) - len(found.changed) - len(found.foreign),
        warnings=(
            *(f"{item.id}: {text}" for item in found.new for text in item.summary.warnings),
            *(f"{pk} belongs to another store already; it was left out." for pk in found.foreign),
        ),
    )


def _compare(listed: dict[str, schemas.OrderRow], *, store_id: str) -> _Compared:
    known = {
        pk: values
        for pk, *values in Order.objects.filter(Among(F("pk"), listed)).values_list(
            "pk", "store_id", "list_digest", "status", "gone_at"
        )
    }
    found = _Compared(new=[], changed={}, moved=[], foreign=[])
    for pk, item in listed.items():
        if pk not in known:
            found.new.append(item)
            continue
        owner, digest, status, gone_at = known[pk]
        if owner != store_id:
            found.foreign.append(pk)
            continue
        if status != (item.status or "") or gone_at is not None:
            found.moved.append(pk)
        # A tombstone that is listed again comes back with its details.
        if digest != item.digest or gone_at is not None:
            found.changed[pk] = item.digest
    return found


def _mark(changed: dict[str, str]) -> None:
    if changed:
        Order.objects.filter(pk__in=changed).update(
            dirty=True,
            dirty_mark=F("dirty_mark") + 1,
            unread_at=None,
            list_digest=Case(
                *(When(pk=pk, then=Value(digest)) for pk, digest in changed.items()),
                default=F("list_digest"),
            ),
        )


def _row(row: schemas.OrderRow, *, store_id: str, now: datetime) -> dict[str, Any]:
    item = row.summary
    return {
        "id": row.id,
        "store_id": store_id,
        "payload": row.payload,
        "list_digest": row.digest,
        "first_seen_at": now,
        "synced_at": now,
        "order_number": item.order_number or "",
        "status": item.status or "",
        "amount_minor": item.amount_minor,
        "currency": item.currency or "",
        "discount_code": item.discount_code or "",
        "customer_id": item.customer.id if item.customer else None,
        "payment_status": item.payment_status or "",
        "total_minor": item.total_minor,
        "created_at": item.created_at,
    }
