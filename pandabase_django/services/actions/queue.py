"""Which actions have a next step that is due, and how a worker learns of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Q
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.database import transaction
from pandabase_django.models import RemoteAction
from pandabase_django.services.attempts.waiting import take_due
from pandabase_django.services.tokens.holding import stores_elsewhere

__all__ = ["due_actions", "enqueue_by", "enqueue_soon", "mark_enqueued", "mark_not_enqueued"]

_enqueue: list[Callable[[uuid.UUID], Any]] = []


def enqueue_by(enqueue: Callable[[uuid.UUID], Any]) -> None:
    """Name what hands an action to a worker. The tasks do it here: this room knows no Celery.

    In a process that has not loaded them the sweeper enqueues, within a minute.
    """
    _enqueue[:] = [enqueue]


def enqueue_soon(action: RemoteAction) -> None:
    """Have a worker take the next step, once what was written is committed."""
    if _enqueue:
        RemoteAction.objects.filter(pk=action.pk).update(enqueued_at=timezone.now())
    for hand_over in _enqueue:
        transaction.on_commit(partial(hand_over, action.pk), robust=True)


def due_actions(*, now: datetime | None = None) -> list[uuid.UUID]:
    """Ids of actions whose next step is due and nobody's; notes that they are enqueued."""
    rows = RemoteAction.objects.exclude(store__in=stores_elsewhere())
    if conf.read_only:
        rows = rows.exclude(state=RemoteAction.State.PREPARED)
    return take_due(rows, now=now, waits=Q())


def mark_enqueued(action_id: uuid.UUID, *, after_seconds: float) -> None:
    """A message for the next step is on its way, and comes after so many seconds."""
    at = timezone.now() + timedelta(seconds=after_seconds)
    RemoteAction.objects.filter(pk=action_id).update(enqueued_at=at)


def mark_not_enqueued(action_id: uuid.UUID | str) -> None:
    """The broker failed: let the sweeper take this action."""
    RemoteAction.objects.filter(pk=action_id).update(enqueued_at=None)
