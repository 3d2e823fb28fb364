"""Customers as orders name them. Two orders may disagree on an e-mail: the newest order counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Max

from pandabase_django.api import schemas
from pandabase_django.models import Customer, Order
from pandabase_django.models.lookups import Among
from pandabase_django.services.sync.bulk import insert_new
from pandabase_django.services.sync.upsert import upsert

__all__ = ["write_customers"]

_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)


def write_customers(
    named: Iterable[tuple[schemas.Customer | None, datetime | None]],
    *,
    store_id: str,
    now: datetime,
) -> None:
    """Write the customers of a batch of orders, inside the batch's transaction.

    Args:
        named: Each order's customer, and when the order was made.
        store_id: The store.
        now: Time to write into the rows.
    """
    newest: dict[str, tuple[datetime, schemas.Customer]] = {}
    for customer, created_at in named:
        if customer is None:
            continue
        at = created_at or _LONG_AGO
        if customer.id not in newest or newest[customer.id][0] <= at:
            newest[customer.id] = (at, customer)
    if not newest:
        return
    # In one order everywhere: two workers that write the same customers must not block each other.
    ids = sorted(newest)
    known = dict(Customer.objects.filter(Among(F("pk"), ids)).values_list("pk", "digest"))
    rows = [_row(newest[pk][1], store_id=store_id, now=now) for pk in ids]
    changed = [row for row in rows if row["id"] in known and known[row["id"]] != row["digest"]]
    if changed:
        latest = dict(
            Order.objects.filter(store_id=store_id, customer_id__in=[row["id"] for row in changed])
            .values_list("customer_id")
            .annotate(Max("created_at"))
        )
        changed = [
            row for row in changed if (latest.get(row["id"]) or _LONG_AGO) <= newest[row["id"]][0]
        ]
    new = [row for row in rows if row["id"] not in known]
    if new and not _insert(new):
        # Another worker wrote one of them a moment ago.
        changed = sorted([*changed, *new], key=lambda row: row["id"])
    upsert(Customer, [Customer(**row) for row in changed])


def _insert(new: list[dict[str, Any]]) -> bool:
    """Whether all of them were new; none is inserted otherwise."""
    try:
        with transaction.atomic():
            insert_new(Customer, new)
    except IntegrityError:
        return False
    return True


def _row(customer: schemas.Customer, *, store_id: str, now: datetime) -> dict[str, Any]:
    email = customer.email or ""
    return {
        "id": customer.id,
        "store_id": store_id,
        "payload": {"id": customer.id, "email": customer.email},
        "digest": hashlib.sha256(f"{customer.id} {email}".encode()).hexdigest(),
        "first_seen_at": now,
        "synced_at": now,
        "email": email,
    }
