"""Enqueues the work on rows that are tried again until it succeeds.

A row whose message the broker refuses is left to the sweeper: the task that looks for such rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from celery import Task

from pandabase_django.tasks.broker import enqueue

__all__ = ["SHORT_WAIT_SECONDS", "enqueue_retry", "enqueue_row", "enqueue_rows"]

BROKER_PAUSE_SECONDS = 30.0
SHORT_WAIT_SECONDS = 90.0  # longer ones are left to the sweeper

Key = int | str  # what a message carries
NotEnqueued = Callable[[Any], Any]


class _Broker:
    """Remembers that the broker failed, so that not every row waits for its time-out."""

    failed_at: float | None = None

    @classmethod
    def rests(cls) -> bool:
        return cls.failed_at is not None and time.monotonic() - cls.failed_at < BROKER_PAUSE_SECONDS


def enqueue_row(task: Task[Any, Any], pk: Key, not_enqueued: NotEnqueued) -> bool:
    """Enqueue the work on a row that was just stored.

    After a failure this process leaves the broker alone for half a minute: one that hangs would
    hold every row until its time-out, and the web server's workers with it.
    """
    if not _Broker.rests():
        if enqueue(task, pk):
            _Broker.failed_at = None
            return True
        _Broker.failed_at = time.monotonic()
    not_enqueued(pk)
    return False


def enqueue_rows(
    task: Task[Any, Any],
    pks: Sequence[Key],
    not_enqueued: NotEnqueued,
    *,
    expires_seconds: float | None = None,
) -> int:
    """Enqueue several; stops at the first that the broker refuses. Returns how many it took."""
    for number, pk in enumerate(pks):
        if not enqueue(task, pk, expires_seconds=expires_seconds):
            for left in pks[number:]:
                not_enqueued(left)
            return number
    return len(pks)


def enqueue_retry(task: Task[Any, Any], pk: Key, after_seconds: float | None) -> None:
    """Enqueue the next attempt, if it is soon. Without a broker it is left to the sweeper too."""
    if after_seconds is not None and after_seconds <= SHORT_WAIT_SECONDS:
        enqueue(task, pk, after_seconds=after_seconds + 1)
