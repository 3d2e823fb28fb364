"""Customers as their own list shows them.

An order names its customer too, and earlier. The newest order decides the e-mail address
(``orders/customers``); the list decides it where no order names the customer, and everything else.
A row that only orders name is not missing from the list: the list never showed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from pandabase_django.api import schemas
from pandabase_django.models import Customer
from pandabase_django.services.sync.mirror.resource import Resource, Schedule
from pandabase_django.services.sync.orders.customers import settle_emails
from pandabase_django.services.sync.readings.sweep import Sweep
from pandabase_django.services.sync.run.context import RunContext

__all__ = ["CUSTOMERS"]


def _settle_emails(
    context: RunContext,
    items: Sequence[schemas.CustomerRecord],
    changes: object,
    now: datetime,
) -> None:
    listed = {item.id: item.email or "" for item in items}
    settle_emails(listed, store_id=context.store.pk, now=now)


CUSTOMERS: Resource[Any] = Resource(
    name="customers",
    model=Customer,
    keep=frozenset({"email"}),
    listed=Q(order_count__isnull=False),
    schedule=Schedule.SELDOM,
    listing=lambda client: client.customers.listing,
    permission="CUSTOMERS_READ",
    readings=[Sweep()],
    write_more=_settle_emails,
)
