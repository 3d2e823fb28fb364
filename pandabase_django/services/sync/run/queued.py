"""One waiting message for each store and resource, however often a sync is asked for.

A message notes until when it counts as waiting; that is when it expires, so one that got lost
blocks nothing for longer. Three kinds are kept apart, since one must not replace another that
does more: what the schedule sends, what a person asked for, and a full pass. What does more
replaces what does less.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db.models import F, Q
from django.utils import timezone

from pandabase_django.models import SyncCursor, SyncRun
from pandabase_django.models.base.lookups import Among

__all__ = ["begin", "claim", "hold", "let_go"]

ROWS_PER_INSERT = 500

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
        By store and resource those to send, with what ``let_go`` wants. Where a message waits that
        does as much, there is none.
    """
    kind = _kind(trigger, full=full)
    now = timezone.now()
    wanted = SyncCursor.objects.filter(Among(F("store_id"), stores), resource__in=resources)
    known = set(wanted.values_list("store_id", "resource"))
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
        free &= Q(**{f"{column}__isnull": True}) | Q(**{f"{column}__lte": now})
    # One statement decides, so that of two that ask at once one gets each row. The microsecond
    # distinguishes its own rows from those of the other.
    until = now + timedelta(seconds=seconds)
    until = until.replace(microsecond=secrets.randbelow(1_000_000))
    if not wanted.filter(free).update(**{kind: until}):
        return {}
    mine = wanted.filter(**{kind: until}).values_list("store_id", "resource", "pk")
    return {(store, resource): pk for store, resource, pk in mine}


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


def _kind(trigger: str, *, full: bool) -> str:
    if full:
        return FULL
    return SCHEDULED if trigger == SyncRun.Trigger.SCHEDULE else ASKED
