"""Customers as orders name them. Two orders may disagree on an e-mail: the newest order counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timezone

from django.db.models import Max

from pandabase_django.api import schemas
from pandabase_django.models import Customer, Order
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
    rows = [
        _row(customer, store_id=store_id, now=now)
        for _, customer in sorted(newest.values(), key=lambda pair: pair[1].id)
    ]
    known = dict(
        Customer.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", "digest")
    )
    differing = [row.pk for row in rows if known.get(row.pk, row.digest) != row.digest]
    if differing:
        latest = dict(
            Order.objects.filter(store_id=store_id, customer_id__in=differing)
            .values_list("customer_id")
            .annotate(Max("created_at"))
        )
        outdated = {pk for pk in differing if (latest.get(pk) or _LONG_AGO) > newest[pk][0]}
        rows = [row for row in rows if row.pk not in outdated]
    upsert(Customer, [row for row in rows if known.get(row.pk) != row.digest])


def _row(customer: schemas.Customer, *, store_id: str, now: datetime) -> Customer:
    email = customer.email or ""
    return Customer(
        id=customer.id,
        store_id=store_id,
        payload={"id": customer.id, "email": customer.email},
        digest=hashlib.sha256(f"{customer.id} {email}".encode()).hexdigest(),
        first_seen_at=now,
        synced_at=now,
        email=email,
    )
