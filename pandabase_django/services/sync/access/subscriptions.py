"""Subscriptions: new ones, those that came to another status, and all of them in turn.

They carry no time of their last change (P-48), so that a renewal shows only where its row is read:
an event names it, or the turn comes round to it.
"""

from __future__ import annotations

from pandabase_django.api import schemas
from pandabase_django.models import Subscription
from pandabase_django.services.sync.mirror.resource import Resource, Schedule
from pandabase_django.services.sync.readings.counts import Counts
from pandabase_django.services.sync.readings.newest import Newest
from pandabase_django.services.sync.readings.rolling import Rolling

__all__ = ["SUBSCRIPTIONS"]

SUBSCRIPTIONS: Resource[schemas.Subscription] = Resource(
    name="subscriptions",
    model=Subscription,
    schedule=Schedule.SELDOM,
    listing=lambda client: client.subscriptions,
    permission="SUBSCRIPTIONS_READ",
    # The list can't be sorted.
    readings=[
        Newest(query={}),
        Rolling(query={}),
        Counts(statuses=Subscription.Status.values, query={}),
    ],
)
