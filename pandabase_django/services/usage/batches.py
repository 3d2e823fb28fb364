"""Which rows one worker sends next, and what becomes of them.

Rows are claimed by a commit before anything is sent. A claim runs out: a killed worker's rows come
back as rows that may have been sent, and these are looked for at the remote first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from django.db.models import F, QuerySet
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.database import transaction
from pandabase_django.models import UsageRecord
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.tokens.holding import stores_elsewhere

__all__ = ["BATCH_ROWS", "Batch", "Claims", "Event", "Verdicts", "stores_with_usage", "write"]

BATCH_ROWS = 100  # of one call. Source: P-52
ROWS_PER_CLAIM = 2000
# A subscription with a million rows lets all others have their turn after so many.
ROWS_IN_A_TURN = 1000
# Far longer than the time-outs of a call and the wait for a limit: a worker that is merely slow
# keeps what it has.
CLAIM = timedelta(minutes=10)
REASON_CHARACTERS = 500
# A call that is still at work there may be counted a moment later.
ASK_AGAIN_AFTER = timedelta(minutes=1)

State = UsageRecord.State


class Event(NamedTuple):
    """A row, as far as it is sent."""

    pk: int
    event: str
    quantity: int
    at: datetime
    external_id: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one subscription that this worker alone may send.

    Attributes:
        subscription_id: Whose.
        events: At most ``BATCH_ROWS``.
        maybe_sent: They may be there already.
        until: Until when the claim lasts; it tells this claim from any other one.
    """

    subscription_id: str
    events: Sequence[Event]
    maybe_sent: bool
    until: datetime


@dataclass(slots=True)
class Verdicts:
    """What became of the rows of a batch, by primary key.

    Attributes:
        batch: Which.
        sent: Counted by the remote.
        rejected: The remote's reason.
        early: Lie too far ahead of the remote's clock; when they can be sent.
        unknown: May have been counted.
        unsent: Were surely not.
    """

    batch: Batch
    sent: list[int]
    rejected: dict[int, str]
    early: dict[int, datetime]
    unknown: list[int]
    unsent: list[int]

    @classmethod
    def of(cls, batch: Batch) -> Verdicts:
        """Without any verdict yet."""
        return cls(batch, [], {}, {}, [], [])


def stores_with_usage(*, now: datetime | None = None) -> list[str]:
    """Ids of enabled stores that have rows to send, or whose worker was killed.

    None while this deployment must not send them.
    """
    if conf.read_only:
        return []
    now = now or timezone.now()
    waiting = UsageRecord.objects.filter(store__enabled=True).exclude(store__in=stores_elsewhere())
    due = waiting.filter(state=State.PENDING, due_at__lte=now)
    lost = waiting.filter(state=State.SENDING, claimed_until__lt=now)
    found = {*due.values_list("store", flat=True).distinct()}
    return sorted(found | {*lost.values_list("store", flat=True).distinct()})


class Claims:
    """The rows of a store that are due, claimed in turns of the subscriptions.

    Args:
        store_id: Whose. What is recorded from now on is left to the next one.
    """

    def __init__(self, store_id: str) -> None:
        self._store_id = store_id
        self._after = ""
        self._found_any = False
        newest = UsageRecord.objects.order_by("-pk").values_list("pk", flat=True).first()
        self._last = newest or 0
        _take_back(store_id, now=timezone.now())

    def next(self) -> list[Batch]:
        """Some more, claimed; none when nothing is due any more.

        The caller writes what becomes of each.
        """
        while True:
            found, after = _claim(self._store_id, after=self._after, last=self._last)
            if found:
                self._after, self._found_any = after, True
                return found
            if not self._found_any:
                return []
            # Round again, for those that had more rows than a turn takes.
            self._after, self._found_any = "", False


def write(verdicts: Iterable[Verdicts], *, now: datetime | None = None) -> int:
    """Write what became of batches, in one transaction. Returns how many rows were settled.

    A row whose claim has run out belongs to another worker, and is left to it.
    """
    now = now or timezone.now()
    verdicts, settled = list(verdicts), 0
    sent: dict[datetime, list[int]] = {}
    for one in verdicts:
        sent.setdefault(one.batch.until, []).extend(one.sent)
    with transaction.atomic():
        for until, ids in sent.items():
            settled += _mine(ids, until).update(
                state=State.SENT, settled_at=now, claimed_until=None, maybe_sent=False, reason=""
            )
        for one in verdicts:
            until = one.batch.until
            for reason, ids in _by_value(one.rejected):
                settled += _mine(ids, until).update(
                    state=State.REJECTED,
                    settled_at=now,
                    claimed_until=None,
                    maybe_sent=False,
                    reason=reason[:REASON_CHARACTERS],
                )
            for due_at, ids in _by_value(one.early):
                _mine(ids, until).update(
                    state=State.PENDING, claimed_until=None, maybe_sent=False, due_at=due_at
                )
            _mine(one.unknown, until).update(
                state=State.PENDING,
                claimed_until=None,
                maybe_sent=True,
                due_at=now + ASK_AGAIN_AFTER,
            )
            _mine(one.unsent, until).update(state=State.PENDING, claimed_until=None)
    return settled


def _take_back(store_id: str, *, now: datetime) -> None:
    lost = UsageRecord.objects.filter(store=store_id, state=State.SENDING, claimed_until__lt=now)
    lost.update(state=State.PENDING, claimed_until=None, maybe_sent=True, due_at=now)


def _claim(store_id: str, *, after: str, last: int) -> tuple[list[Batch], str]:
    """The next rows in the order of subscriptions, claimed, and the last subscription of them."""
    now = timezone.now()
    due = UsageRecord.objects.filter(
        store=store_id, state=State.PENDING, due_at__lte=now, pk__lte=last
    )
    rows = due.filter(subscription__gt=after) if after else due
    until = now + CLAIM
    with transaction.atomic():
        # By the column: the relation would join subscriptions, and order by their own order.
        # Of rows that another worker is about to claim none is waited for.
        free = rows.order_by("subscription_id", "pk").select_for_update(
            skip_locked=True, of=("self",)
        )
        values = ("subscription_id", "maybe_sent", *Event._fields)
        found = list(free.values_list(*values)[:ROWS_PER_CLAIM])
        taken = [
            row
            for _, of_one in groupby(found, key=lambda row: row[0])
            for row in list(of_one)[:ROWS_IN_A_TURN]
        ]
        ids = [row[2] for row in taken]
        UsageRecord.objects.filter(Among(F("pk"), ids), state=State.PENDING).update(
            state=State.SENDING, attempts=F("attempts") + 1, claimed_until=until
        )
    last_of_these = taken[-1][0] if taken else ""  # as the database sorts, which Python may not
    # By whether they may be there, since those are asked for first.
    taken.sort(key=lambda row: (row[0], row[1], row[2]))
    made = [
        Batch(subscription_id, events[start : start + BATCH_ROWS], maybe_sent, until)
        for (subscription_id, maybe_sent), of_one in groupby(taken, key=lambda row: row[:2])
        for events in [[Event(*row[2:]) for row in of_one]]
        for start in range(0, len(events), BATCH_ROWS)
    ]
    return made, last_of_these


def _mine(ids: Sequence[int], until: datetime) -> QuerySet[UsageRecord]:
    rows = UsageRecord.objects.filter(state=State.SENDING, claimed_until=until)
    return rows.filter(Among(F("pk"), list(ids))) if ids else UsageRecord.objects.none()


def _by_value(found: dict[int, Any]) -> Iterator[tuple[Any, list[int]]]:
    for value in dict.fromkeys(found.values()):
        yield value, [pk for pk, its in found.items() if its == value]
