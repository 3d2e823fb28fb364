"""Subscriptions: new ones, those that came to another status, and all of them in turn.

They carry no time of their last change (P-48), so that a renewal shows only where its row is read:
an event names it, or the turn comes round to it. New ones are given to the purchases that began
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pandabase_django.api import schemas
from pandabase_django.models import Subscription
from pandabase_django.services.purchases.subscriptions import find_subscriptions
from pandabase_django.services.sync.mirror.resource import Resource, Schedule
from pandabase_django.services.sync.readings.counts import Counts
from pandabase_django.services.sync.readings.newest import Newest
from pandabase_django.services.sync.readings.rolling import Rolling
from pandabase_django.services.sync.run.context import RunContext

__all__ = ["SUBSCRIPTIONS"]


def _find_purchases(context: RunContext, items: Sequence[schemas.Subscription], *_: Any) -> None:
    customers = {item.customer_id for item in items if item.customer_id}
    find_subscriptions(context.store.pk, customers=customers)


SUBSCRIPTIONS: Resource[schemas.Subscription] = Resource(
    name="subscriptions",
    model=Subscription,
    schedule=Schedule.SELDOM,
    listing=lambda client: client.subscriptions.listing,
    permission="SUBSCRIPTIONS_READ",
    read_by_events=True,
    write_more=_find_purchases,
    # The list can't be sorted.
    readings=[
        Newest(query={}),
        Rolling(query={}),
        Counts(statuses=Subscription.Status.values, query={}),
    ],
)
