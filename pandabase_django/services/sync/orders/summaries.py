"""Writes orders in their list form: new ones with what the list shows, and dirty marks.

The list form never changes a column of an order that is here already (Source: P-21): a list item
that differs from the last one only asks for the details. But a customer that it names with another
e-mail address than the row here is looked at again.

An item that came in the bytes of last time is not decoded. One that says the same in other bytes
only has its digest written again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F

from pandabase_django.api import schemas
from pandabase_django.api.digests import says_the_same, was_met
from pandabase_django.models import Order
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.sync.due.marks import keep_digests, mark_listed
from pandabase_django.services.sync.mirror.bulk import insert_new
from pandabase_django.services.sync.mirror.upsert import in_one_order
from pandabase_django.services.sync.orders.customers import write_customers

__all__ = ["Noted", "write_summaries"]


@dataclass(frozen=True, slots=True)
class Noted:
    """What a batch of list items came to.

    Attributes:
        new: Ids that were inserted.
        changed: Those that were marked dirty, since the list shows them otherwise than before.
        moved: Those that are here in another status, or as tombstones.
        contradicted: Of these the ones whose details may still come to agree with the list.
        unchanged: How many needed nothing.
        warnings: What could not be read of new ones.
        left_out: Sentences about rows of another store, by id.
    """

    new: tuple[str, ...]
    changed: tuple[schemas.OrderRow, ...]
    moved: tuple[str, ...]
    contradicted: tuple[schemas.OrderRow, ...]
    unchanged: int
    warnings: tuple[str, ...]
    left_out: dict[str, str]


@dataclass(slots=True)
class _Compared:
    new: list[schemas.OrderRow] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    other_bytes: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    contradicted: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    customers: set[str] = field(default_factory=set)

    def know(self, ids: Collection[str], other: _Compared) -> None:
        """Of these ids, what the later look says."""
        self.new = [row for row in self.new if row.id not in ids] + other.new
        self.changed.extend(other.changed)
        self.other_bytes.extend(other.other_bytes)
        self.moved.extend(other.moved)
        self.contradicted.extend(other.contradicted)
        self.foreign.extend(other.foreign)
        self.customers.update(other.customers)


def write_summaries(
    batch: Sequence[schemas.OrderRow], *, store_id: str, now: datetime, dry_run: bool
) -> Noted:
    """Insert new orders and mark changed ones dirty; call inside a transaction."""
    listed = {item.id: item for item in batch}
    found = _compare(listed, store_id=store_id)
    if not dry_run:
        rows = [_row(item) for item in found.new]
        shared = {"store_id": store_id, "first_seen_at": now, "synced_at": now}
        while there := insert_new(Order, rows, **shared):
            # A webhook or another store's sync inserted them a moment ago: they are known now.
            again = _compare({pk: listed[pk] for pk in there}, store_id=store_id)
            rows = [_row(item) for item in again.new]
            found.know(there, again)
        if found.other_bytes:
            # Two statements follow: their rows are locked in one order, as everywhere.
            both = Order.objects.filter(Among(F("pk"), [*found.other_bytes, *found.changed]))
            list(in_one_order(both).values_list("pk", flat=True))
            keep_digests([listed[pk] for pk in found.other_bytes], store_id=store_id)
        mark_listed([listed[pk] for pk in found.changed], store_id=store_id, now=now)
        write_customers(
            [row.summary for row in found.new],
            doubtful=found.customers,
            store_id=store_id,
            now=now,
        )
    decoded = [*found.new, *(listed[pk] for pk in found.changed)]
    return Noted(
        new=tuple(item.id for item in found.new),
        changed=tuple(listed[pk] for pk in found.changed),
        moved=tuple(found.moved),
        contradicted=tuple(listed[pk] for pk in found.contradicted),
        unchanged=len(listed) - len(found.new) - len(found.changed) - len(found.foreign),
        warnings=(
            *(f"{item.id}: {text}" for item in found.new for text in item.summary.warnings),
            *(f"{item.id}: {text}" for item in decoded for text in item.replaced),
        ),
        left_out={
            pk: f"{pk} belongs to another store already; it was left out." for pk in found.foreign
        },
    )


def _compare(listed: dict[str, schemas.OrderRow], *, store_id: str) -> _Compared:
    rows = Order.objects.filter(Among(F("pk"), listed))
    columns = ("store_id", "list_digest", "status", "gone_at", "customer_id", "customer__email")
    known = {row[0]: row for row in rows.values_list("pk", *columns)}
    found = _Compared()
    for pk, item in listed.items():
        row = known.get(pk)
        if row is None:
            found.new.append(item)
            continue
        _, owner, digest, status, gone_at, customer_id, email = row
        if owner != store_id:
            found.foreign.append(pk)
            continue
        if status != (item.status or "") or gone_at is not None:
            found.moved.append(pk)
        # A tombstone that is listed again comes back with its details.
        if gone_at is not None:
            found.changed.append(pk)
        elif not was_met(digest, item.bytes_digest):
            if not says_the_same(digest, item.digest):
                found.changed.append(pk)
            elif item.bytes_digest:
                found.other_bytes.append(pk)
        if item.names != (customer_id, email) and item.names_otherwise(customer_id, email):
            found.customers.add(customer_id)
    if found.moved:
        given_up = Order.objects.filter(
            Among(F("pk"), found.moved), gone_at__isnull=True, list_row__given_up=True
        )
        ids = set(given_up.values_list("pk", flat=True))
        found.contradicted.extend(pk for pk in found.moved if pk not in ids)
    return found


def _row(row: schemas.OrderRow) -> dict[str, Any]:
    item = row.summary
    return {
        "id": row.id,
        "payload": row.payload,
        "list_digest": row.digests,
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
