"""Makes a person with many orders in a database file, and erases them: each in a process."""

from __future__ import annotations

import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from pandabase_django.models import Customer, Erasure, Order, Store  # noqa: E402
from pandabase_django.services import erase_person  # noqa: E402

__all__ = ["ADDRESS"]

ADDRESS = "ada@example.com"
STORE = "shp_beside"


def fill(count: int) -> None:
    call_command("migrate", verbosity=0)
    store, now = Store.objects.create(pk=STORE), timezone.now()
    seen = {"store": store, "first_seen_at": now, "synced_at": now}
    Customer.objects.create(pk="cus_ada", email=ADDRESS, **seen)
    orders = [_order(f"ord_{number}", seen) for number in range(count)]
    Order.objects.bulk_create(orders, batch_size=500)


def _order(pk: str, seen: dict[str, object]) -> Order:
    customer = {"id": "cus_ada", "email": ADDRESS, "firstName": "Ada"}
    payload = {"id": pk, "customer": customer, "metadata": {"note": "for Ada"}}
    return Order(pk=pk, order_number=pk, customer_id="cus_ada", payload=payload, **seen)


def erase() -> None:
    erase_person(Store.objects.get(), ADDRESS, source=Erasure.Source.COMMAND)


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        fill(int(sys.argv[2]))
    else:
        erase()
