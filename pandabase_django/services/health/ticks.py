"""Signs of life of the scheduled tasks, left by the tasks themselves.

Beat leaves no trace of its own. A task that beat has enqueued, and that ran, proves more than a
trace of beat would: beat, the broker and a worker were all up.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.intervals import INTERVALS, SYNC_ALL
from pandabase_django.models import TaskTick

__all__ = ["last_ticks", "missed", "tick"]

INTERVALS_UNTIL_MISSED = 2
SHORTEST_SILENCE = timedelta(minutes=10)  # a busy worker alone is nothing wrong with the schedule


def tick(task: str) -> None:
    """Note that this scheduled task runs now, and which others have not run yet."""
    now = timezone.now()
    # One statement: on SQLite a read and then a write in one transaction fail beside a writer.
    TaskTick.objects.bulk_create(
        [TaskTick(task=task, at=now)],
        update_conflicts=True,
        unique_fields=["task"],
        update_fields=["at"],
    )
    watched = {SYNC_ALL, *INTERVALS}
    if task not in watched:
        # These come each minute; what has never run has no other to begin its time.
        known = set(TaskTick.objects.values_list("task", flat=True))
        TaskTick.objects.bulk_create(
            [TaskTick(task=name, missed_since=now) for name in sorted(watched - known)],
            ignore_conflicts=True,
        )


def last_ticks(rows: Iterable[TaskTick]) -> dict[str, datetime]:
    """When each scheduled task last ran; a task that never did is missing."""
    return {row.task: row.at for row in rows if row.at is not None}


def missed(rows: Iterable[TaskTick], *, now: datetime) -> dict[str, datetime]:
    """Tasks that should have run since, with the time of their last run or of the first look."""
    intervals = {**INTERVALS, SYNC_ALL: timedelta(seconds=conf.sync_interval_seconds)}
    silent_after = {
        task: max(INTERVALS_UNTIL_MISSED * interval, SHORTEST_SILENCE)
        for task, interval in intervals.items()
    }
    return {
        row.task: since
        for row in rows
        if row.task in silent_after
        and (since := row.at or row.missed_since)
        and now - since > silent_after[row.task]
    }
