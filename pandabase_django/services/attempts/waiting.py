"""Which rows wait for a worker: what is due, what the broker lost, what is to be done anew."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import CharField, F, Max, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat, LPad
from django.utils import timezone

from pandabase_django.database import transaction
from pandabase_django.models.base.lookups import Among

__all__ = [
    "FAILING",
    "FAILING_LONG",
    "LOST_AFTER",
    "error_of",
    "newest_error",
    "put_back",
    "take_due",
]

SWEEP_AT_ONCE = 1000
# A message that is older than this is taken for lost; a worker that is merely late finds the row
# done, for the price of one query.
LOST_AFTER = timedelta(minutes=2)

WAITS = Q(state="PENDING")
FAILING = Q(state="PENDING", attempts__gte=2) & ~Q(last_error="")
"""Failed twice or more, and will be tried again."""
FAILING_LONG = FAILING & Q(attempts__gte=4)
"""For over half an hour: no hiccup, and the next tries are hours away."""

_DIGITS = 19  # of the largest id


def newest_error(which: Q) -> Max:
    """The error of the newest of these rows, for a query that counts them; see ``error_of``."""
    # Behind the id, so that the database finds it while it counts, and not one more query.
    number = LPad(Cast("pk", CharField()), _DIGITS, Value("0"))
    return Max(Concat(number, "last_error", output_field=TextField()), filter=which)


def error_of(newest: str | None) -> str:
    """The error in what ``newest_error`` gave; "" when there was no such row."""
    return (newest or "")[_DIGITS:]


def take_due(rows: QuerySet[Any], *, now: datetime | None = None, waits: Q = WAITS) -> list[Any]:
    """Ids of rows that nobody works on though they are due; notes that they are enqueued.

    At most a thousand, oldest first: the sweeper comes again in a minute.

    Args:
        rows: Among these.
        now: The time.
        waits: What a row that is to be worked on looks like.
    """
    now = now or timezone.now()
    lost = Q(enqueued_at__isnull=True) | Q(enqueued_at__lt=now - LOST_AFTER)
    due = rows.filter(lost, waits, next_attempt_at__lte=now)
    ids = list(due.order_by("next_attempt_at").values_list("pk", flat=True)[:SWEEP_AT_ONCE])
    with transaction.atomic():
        # A row that is locked is being written, and the next look sees what became of it. To wait
        # for it while others are held would be a deadlock with whoever writes several of them.
        free = due.filter(pk__in=ids).select_for_update(skip_locked=True, of=("self",))
        taken = set(free.values_list("pk", flat=True))
        rows.filter(pk__in=taken).update(enqueued_at=now)
    return [pk for pk in ids if pk in taken]


def put_back(rows: QuerySet[Any], ids: Iterable[int]) -> list[int]:
    """Have rows handled again, whatever became of them. Returns the ids to enqueue.

    A pending one only becomes due at once.
    """
    now = timezone.now()
    rows = rows.filter(Among(F("pk"), list(ids)))
    rows.exclude(state="PENDING").update(
        state="PENDING",
        attempts=0,
        next_attempt_at=now,
        enqueued_at=now,
        finished_at=None,
        last_error="",
    )
    # One that a worker has claimed is left to it: enqueued_at is None only while a row waits.
    rows.filter(state="PENDING", enqueued_at__isnull=True).update(
        next_attempt_at=now, enqueued_at=now
    )
    due = rows.filter(state="PENDING", next_attempt_at__lte=now)
    return list(due.order_by("pk").values_list("pk", flat=True))
