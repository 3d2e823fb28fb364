"""How old the mirrored rows are, and when the next look is due."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pandabase_django.conf import conf
from pandabase_django.intervals import INTERVALS, SYNC_ALL, SYNC_SELDOM
from pandabase_django.models import Store
from pandabase_django.services.health.findings import Situation

__all__ = ["BEAT_SILENT_AFTER", "Freshness", "beat_last_seen", "freshness"]

INTERVALS_UNTIL_STALE = 3
BEAT_SILENT_AFTER = timedelta(minutes=5)  # its shortest task comes each minute


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh one resource of one store is.

    Attributes:
        store_id: The store.
        resource: ``products``, ``orders``, or one of those that are read some times a day.
        as_of: When a sync last completed; None when none ever did.
        next_at: When beat starts the next one; None when that is not known or past.
        stale: More than three intervals have gone by since.
    """

    store_id: str
    resource: str
    as_of: datetime | None
    next_at: datetime | None
    stale: bool


def freshness(situation: Situation, *, stores: Iterable[Store] | None = None) -> list[Freshness]:
    """Each resource of each store, or of some of them, in order."""
    often = _rhythm(situation, SYNC_ALL, timedelta(seconds=conf.sync_interval_seconds))
    seldom = _rhythm(situation, SYNC_SELDOM, INTERVALS[SYNC_SELDOM])
    found: list[Freshness] = []
    for store in situation.stores if stores is None else stores:
        due = [(resource, *often) for resource in situation.resources]
        due += [(resource, *seldom) for resource in situation.read_seldom(store.pk)]
        for resource, interval, next_at in due:
            cursor = situation.cursors.get((store.pk, resource))
            as_of = cursor.last_completed_at if cursor else None
            found.append(
                Freshness(
                    store_id=store.pk,
                    resource=resource,
                    as_of=as_of,
                    next_at=next_at if store.enabled else None,
                    stale=as_of is not None
                    and situation.now - as_of > INTERVALS_UNTIL_STALE * interval,
                )
            )
    return found


def _rhythm(
    situation: Situation, task: str, interval: timedelta
) -> tuple[timedelta, datetime | None]:
    """The interval of a scheduled task, and when beat starts it next."""
    ticked = situation.ticks.get(task)
    return interval, ticked + interval if ticked and ticked + interval > situation.now else None


def beat_last_seen(situation: Situation) -> datetime | None:
    """When any scheduled task last ran; None when none ever did."""
    return max(situation.ticks.values(), default=None)
