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
from pandabase_django.services.sync.bulk import Among, insert_new
from pandabase_django.services.sync.customers import write_customers

__all__ = ["Noted", "write_summaries"]


@dataclass(frozen=True, slots=True)
class Noted:
    """What a batch of list items came to."""

    created: int
    marked: int
    unchanged: int
    warnings: tuple[str, ...]


def write_summaries(
    batch: Sequence[schemas.OrderSummary], *, store_id: str, now: datetime, dry_run: bool
) -> Noted:
    """Insert new orders and mark changed ones dirty; call inside a transaction."""
    listed = {item.id: item for item in batch}
    warnings = [f"{item.id}: {text}" for item in listed.values() for text in item.warnings]
    try:
        with transaction.atomic():
            new, changed, foreign = _compare(listed, store_id=store_id)
            if not dry_run:
                insert_new(Order, [_row(item, store_id=store_id, now=now) for item in new])
    except IntegrityError:
        # A webhook or another worker inserted one of them a moment ago: it is known now.
        with transaction.atomic():
            new, changed, foreign = _compare(listed, store_id=store_id)
            insert_new(Order, [_row(item, store_id=store_id, now=now) for item in new])
    warnings += [f"{pk} belongs to another store already; it was left out." for pk in foreign]
    if not dry_run:
        _mark(changed)
        write_customers(
            [(item.customer, item.created_at) for item in new], store_id=store_id, now=now
        )
    return Noted(
        created=len(new),
        marked=len(changed),
        unchanged=len(listed) - len(new) - len(changed) - len(foreign),
        warnings=tuple(warnings),
    )


def _compare(
    listed: dict[str, schemas.OrderSummary], *, store_id: str
) -> tuple[list[schemas.OrderSummary], dict[str, str], list[str]]:
    known = {
        pk: (owner, digest)
        for pk, owner, digest in Order.objects.filter(Among(F("pk"), listed)).values_list(
            "pk", "store_id", "list_digest"
        )
    }
    new: list[schemas.OrderSummary] = []
    changed: dict[str, str] = {}
    foreign: list[str] = []
    for pk, item in listed.items():
        if pk not in known:
            new.append(item)
        elif known[pk][0] != store_id:
            foreign.append(pk)
        elif known[pk][1] != (digest := item.digest):
            changed[pk] = digest
    return new, changed, foreign


def _mark(changed: dict[str, str]) -> None:
    if changed:
        Order.objects.filter(pk__in=changed).update(
            dirty=True,
            dirty_mark=F("dirty_mark") + 1,
            list_digest=Case(
                *(When(pk=pk, then=Value(digest)) for pk, digest in changed.items()),
                default=F("list_digest"),
            ),
        )


def _row(item: schemas.OrderSummary, *, store_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": item.id,
        "store_id": store_id,
        "payload": item.payload,
        "list_digest": item.digest,
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
