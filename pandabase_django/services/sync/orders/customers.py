"""Customers as orders name them. Two orders may disagree on an e-mail: the newest order counts.

It is the newest by its own payload of those that are here and not gone; of two of one moment, the
one with the greater id. So the rows of orders alone decide a customer's row, and it does not matter
who writes it or when. The customer's row is locked first, and the orders are asked afterwards.
Each writer of an order locks the customer that it names, even if nothing seems to change: of two
such transactions, the later one then sees the order of the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timezone
from typing import Any

from django.db.models import F, Window
from django.db.models.expressions import Expression
from django.db.models.functions import Collate, RowNumber

from pandabase_django.api import schemas
from pandabase_django.database import connection
from pandabase_django.models import Customer, Order
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.sync.mirror.bulk import insert_new, insert_or_update
from pandabase_django.services.sync.mirror.upsert import in_one_order

__all__ = ["differing_customers", "settle_emails", "write_customers", "wrong_customers"]

_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)
# The rest is what the list of customers says: this one writes an address, or a new row.
_UPDATED = ("email", "synced_at")


# An order in either form: it names a customer, and has an age.
_Orders = Iterable[schemas.OrderSummary | schemas.Order]


def write_customers(
    written: _Orders,
    *,
    doubtful: Collection[str] = (),
    store_id: str,
    now: datetime,
) -> None:
    """Write the customers of a batch of orders, after the orders and inside their transaction.

    Args:
        written: The orders that were inserted or changed.
        doubtful: Customers that differ from what an order says that was not changed.
        store_id: The store.
        now: Time to write into the rows.
    """
    newest: dict[str, tuple[datetime, str]] = {}
    said: dict[str, schemas.Customer] = {}
    for order in written:
        customer = order.customer
        if customer is None:
            continue
        age = (order.created_at or _LONG_AGO, order.id)
        if customer.id not in newest or newest[customer.id] <= age:
            newest[customer.id], said[customer.id] = age, customer
    if not said and not doubtful:
        return
    ids = sorted({*said, *doubtful})
    here = set(Customer.objects.filter(Among(F("pk"), ids)).values_list("pk", flat=True))
    unknown = [pk for pk in ids if pk not in here]
    # First, while no row is locked, and in one order: else two workers could wait for each other.
    new = said | _by_newest_order([pk for pk in unknown if pk not in said], store_id=store_id)
    rows = [_row(new[pk]) for pk in unknown if pk in new]
    here |= insert_new(Customer, rows, **_shared(store_id, now))
    _settle(here, said, doubtful=doubtful, store_id=store_id, now=now)


def differing_customers(orders: _Orders) -> set[str]:
    """Customers that are here with another e-mail than these orders say, or not at all."""
    said = {(order.customer.id, order.customer.email or "") for order in orders if order.customer}
    emails = dict(
        Customer.objects.filter(Among(F("pk"), sorted({pk for pk, _ in said}))).values_list(
            "pk", "email"
        )
    )
    return {pk for pk, email in said if emails.get(pk) != email}


def wrong_customers(ids: Collection[str], *, store_id: str) -> set[str]:
    """Those of these customers whose row differs from what the newest order says."""
    here = Customer.objects.filter(Among(F("pk"), sorted(ids)), store_id=store_id)
    emails = dict(here.values_list("pk", "email"))
    said = _by_newest_order(ids, store_id=store_id)
    return {pk for pk, customer in said.items() if emails.get(pk) != (customer.email or "")}


def settle_emails(listed: dict[str, str], *, store_id: str, now: datetime) -> None:
    """Give listed customers the address that the newest order names; without one the list's.

    Call it inside the transaction that has written these rows, and so has locked them.

    Args:
        listed: Addresses as the list of customers shows them, by the customer's id.
        store_id: The store.
        now: Time to write into the rows.
    """
    said = _by_newest_order(listed, store_id=store_id)
    rows = in_one_order(Customer.objects.filter(Among(F("pk"), sorted(listed)), store_id=store_id))
    for pk, email in rows.values_list("pk", "email"):
        wanted = (said[pk].email or "") if pk in said else listed[pk]
        if email != wanted:
            Customer.objects.filter(pk=pk).update(email=wanted, synced_at=now)


def _settle(
    ids: Collection[str],
    said: dict[str, schemas.Customer],
    *,
    doubtful: Collection[str],
    store_id: str,
    now: datetime,
) -> None:
    """Lock these customers, and make those that differ what the newest order says."""
    stored = dict(
        in_one_order(Customer.objects.filter(Among(F("pk"), ids), store_id=store_id)).values_list(
            "pk", "email"
        )
    )
    differing = [
        pk for pk, email in stored.items() if pk in doubtful or email != (said[pk].email or "")
    ]
    # A statement of its own, after the lock: it sees what whoever held the lock has committed.
    rows = [
        Customer(**_row(customer), **_shared(store_id, now))
        for customer in _by_newest_order(differing, store_id=store_id).values()
    ]
    insert_or_update(
        Customer,
        [row for row in rows if stored[row.pk] != row.email],
        update_fields=_UPDATED,
    )


def _by_newest_order(ids: Collection[str], *, store_id: str) -> dict[str, schemas.Customer]:
    """What the newest live order that names each of these customers says of them, by id."""
    if not ids:
        return {}
    # As Python sorts texts, whatever the database's collation is.
    by_id: F | Expression = F("pk")
    if connection.vendor == "postgresql":
        by_id = Collate("pk", "C")
    naming = Order.objects.filter(
        Among(F("customer_id"), sorted(ids)), store_id=store_id, gone_at__isnull=True
    )
    ranked = naming.annotate(
        place=Window(
            RowNumber(),
            partition_by=F("customer_id"),
            order_by=[F("created_at").desc(nulls_last=True), by_id.desc()],
        )
    ).filter(place=1)
    newest = list(ranked.order_by().values_list("pk", flat=True))
    payloads = Order.objects.filter(Among(F("pk"), newest)).order_by("customer_id")
    said = (
        schemas.Customer.of_payload({"customer": named})
        for named in payloads.values_list("payload__customer", flat=True)
    )
    wanted = frozenset(ids)
    return {customer.id: customer for customer in said if customer and customer.id in wanted}


def _row(customer: schemas.Customer) -> dict[str, Any]:
    return {"id": customer.id, "email": customer.email or ""}


def _shared(store_id: str, now: datetime) -> dict[str, Any]:
    return {
        "store_id": store_id,
        "payload": {},  # of the list of customers, as the digest is
        "first_seen_at": now,
        "synced_at": now,
    }
