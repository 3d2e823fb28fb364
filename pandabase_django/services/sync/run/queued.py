"""One waiting message for each store and resource, however often a sync is asked for.

A message notes until when it counts as waiting; that is when it expires, so one that got lost
blocks nothing for longer. Three kinds are kept apart, since one must not replace another that
does more: what the schedule sends, what a person asked for, and a full pass. What does more
replaces what does less.

What waits also ends the turn of a long run: the first sync of a large store lasts for hours, and
with two workers, one of them helping it with details, all other stores would wait until its end.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from datetime import timezone as dt_timezone
from itertools import product

from django.db.models import F, Q
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.intervals import SYNC_ALL
from pandabase_django.models import SyncCursor, SyncRun, TaskTick
from pandabase_django.models.base.lookups import Among

__all__ = ["TURN_SECONDS", "Turn", "begin", "claim", "hold", "let_go", "turn_seconds"]

ROWS_PER_INSERT = 500
TURN_SECONDS = 60.0
SHORTEST_TURN_SECONDS = 10.0  # less would go by with what each run asks first
LOOK_EVERY_SECONDS = 5.0
LONG_AGO = datetime.min.replace(tzinfo=dt_timezone.utc)
# The next scheduled message comes when the last one expires: it must not be taken for one that
# waits, since then the store would have none for a whole interval.
ENDS_SOON = timedelta(seconds=2)
TICK_MARGIN = timedelta(seconds=5)
BEAT_IS_DOWN_AFTER = 5  # intervals of a task

SCHEDULED, ASKED, FULL = "scheduled_waits_until", "asked_waits_until", "full_waits_until"
_STANDS_FOR = {
    SCHEDULED: (SCHEDULED, ASKED, FULL),
    ASKED: (ASKED, FULL),
    FULL: (FULL,),
}


def claim(
    stores: Sequence[str],
    resources: Sequence[str],
    *,
    trigger: str,
    full: bool = False,
    seconds: float,
) -> dict[tuple[str, str], int]:
    """Note messages that are to be sent, for each store and resource for which none waits.

    A handful of statements, however many the stores are.

    Args:
        stores: Ids of the stores.
        resources: The resources of each.
        trigger: What asks.
        full: Whether a full pass is asked for.
        seconds: When the messages expire.

    Returns:
        By store and resource those to send, with what ``let_go`` wants, in the order in which they
        are to be sent. Where a message waits that does as much, there is none.
    """
    kind = _kind(trigger, full=full)
    now = timezone.now()
    wanted = SyncCursor.objects.filter(Among(F("store_id"), stores), resource__in=resources)
    known = {
        (store, resource): (waited_until, completed_at)
        for store, resource, waited_until, completed_at in wanted.values_list(
            "store_id", "resource", kind, "last_completed_at"
        )
    }
    missing = [
        SyncCursor(store_id=store, resource=resource)
        for store in stores
        for resource in resources
        if (store, resource) not in known
    ]
    if missing:
        SyncCursor.objects.bulk_create(missing, ignore_conflicts=True, batch_size=ROWS_PER_INSERT)
    free = Q()
    for column in _STANDS_FOR[kind]:
        free &= Q(**{f"{column}__isnull": True}) | Q(**{f"{column}__lte": now + ENDS_SOON})
    # One statement decides, so that of two that ask at once one gets each row. The microsecond
    # distinguishes its own rows from those of the other.
    until = now + timedelta(seconds=seconds)
    until = until.replace(microsecond=secrets.randbelow(1_000_000))
    if not wanted.filter(free).update(**{kind: until}):
        return {}
    mine = wanted.filter(**{kind: until}).values_list("store_id", "resource", "pk")
    ids = {(store, resource): pk for store, resource, pk in mine}
    ordered = sorted(
        (one for one in product(stores, resources) if one in ids),
        key=lambda one: _place(*known.get(one, (None, None))),
    )
    return {one: ids[one] for one in ordered}


def _place(waited_until: datetime | None, completed_at: datetime | None) -> tuple[bool, datetime]:
    """What sorts messages. The last one that no worker came to goes first, then the oldest rows.

    Where the workers can't do all within an interval, the messages at the end expire. In an order
    that is always the same those would be of the same stores each time.
    """
    return waited_until is None, completed_at or LONG_AGO


def let_go(ids: Iterable[int], *, trigger: str, full: bool) -> None:
    """Take notes back whose messages could not be sent."""
    SyncCursor.objects.filter(Among(F("pk"), list(ids))).update(**{_kind(trigger, full=full): None})


def hold(*, store_id: str, resource: str, trigger: str, full: bool, seconds: float) -> None:
    """Note a message that goes back to the broker, whatever else waits."""
    SyncCursor.objects.filter(store_id=store_id, resource=resource).update(
        **{_kind(trigger, full=full): timezone.now() + timedelta(seconds=seconds)}
    )


def begin(*, store_id: str, resource: str, trigger: str, full: bool) -> None:
    """A worker has the message: the next may wait from now on."""
    kind = _kind(trigger, full=full)
    SyncCursor.objects.filter(
        store_id=store_id, resource=resource, **{f"{kind}__isnull": False}
    ).update(**{kind: None})


def turn_seconds() -> float:
    """How long a turn lasts: a short part of the interval, which the other stores wait for."""
    return min(TURN_SECONDS, max(SHORTEST_TURN_SECONDS, conf.sync_interval_seconds / 5))


class Turn:
    """The time of one run.

    Args:
        store_id: Its store.
        seconds: It keeps the worker for so long in any case; None takes ``turn_seconds``.
        clock: Replaces ``time.monotonic``.
    """

    def __init__(
        self,
        store_id: str,
        *,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store_id = store_id
        self._clock = clock
        self._look_at = clock() + (turn_seconds() if seconds is None else seconds)

    def is_over(self) -> bool:
        """Whether it had its time, and another store waits. Asks the database now and then."""
        now = self._clock()
        if now < self._look_at:
            return False
        self._look_at = now + LOOK_EVERY_SECONDS
        return _others_wait(self._store_id)


def _others_wait(store_id: str) -> bool:
    """Whether a message about any other store waits, for a worker or for its time."""
    now = timezone.now()
    waits = Q(**{f"{SCHEDULED}__gt": now}) | Q(**{f"{ASKED}__gt": now}) | Q(**{f"{FULL}__gt": now})
    others = SyncCursor.objects.exclude(store_id=store_id).filter(waits)
    return others.exists() or _a_tick_waits(now)


def _a_tick_waits(now: datetime) -> bool:
    """Whether a scheduled task is due that no worker comes to: it would note what others want.

    Where this run and those that help it have all workers, it waits for them itself. One that is
    long overdue says that beat does not run.
    """
    ticked = {tick.task: tick.at for tick in TaskTick.objects.all() if tick.at is not None}
    if not ticked:
        return False
    due = [(max(ticked.values()), timedelta(minutes=1))]
    if SYNC_ALL in ticked:
        due.append((ticked[SYNC_ALL], timedelta(seconds=conf.sync_interval_seconds)))
    return any(each + TICK_MARGIN < now - at < BEAT_IS_DOWN_AFTER * each for at, each in due)


def _kind(trigger: str, *, full: bool) -> str:
    if full:
        return FULL
    return SCHEDULED if trigger == SyncRun.Trigger.SCHEDULE else ASKED
