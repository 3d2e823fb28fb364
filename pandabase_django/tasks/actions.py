"""Tasks that send actions, settle those whose answer got lost, and read the rows again."""

from __future__ import annotations

import uuid
from typing import Any

from celery import Task, shared_task

from pandabase_django.models import RemoteAction
from pandabase_django.observing.logs import get_logger
from pandabase_django.services.actions import queue
from pandabase_django.services.actions.running import perform, seconds_to_next_step
from pandabase_django.services.attempts.waiting import LOST_AFTER
from pandabase_django.services.health.ticks import tick
from pandabase_django.tasks.broker import can_wait
from pandabase_django.tasks.rows import (
    SHORT_WAIT_SECONDS,
    enqueue_retry,
    enqueue_row,
    enqueue_rows,
)

__all__ = ["enqueue_action", "perform_action", "sweep_actions"]

logger = get_logger(__name__)


@shared_task(bind=True, name="pandabase.perform_action", acks_late=True)
def perform_action(self: Task[Any, Any], action_id: str) -> str:
    """Take the next step of an action. Returns its state.

    However often it is delivered, one request is sent.
    """
    try:
        action = perform(action_id)
    except RemoteAction.DoesNotExist:
        logger.warning("There is no action %s to perform.", action_id)
        return ""
    wait = seconds_to_next_step(action)
    # Not when another message waits for it already: each would bring forth the next.
    soon = wait is not None and wait <= SHORT_WAIT_SECONDS
    if can_wait(self) and soon and action.enqueued_at is None:
        queue.mark_enqueued(action.pk, after_seconds=wait or 0)
        enqueue_retry(perform_action, str(action.pk), wait)
    return action.state


@shared_task(bind=True, name="pandabase.sweep_actions")
def sweep_actions(self: Task[Any, Any]) -> int:
    """Enqueue actions whose next step is due and that nobody works on. Returns how many."""
    tick(self.name)
    # By then the sweeper takes it for lost and sends another.
    expires_seconds = LOST_AFTER.total_seconds()
    due = [str(pk) for pk in queue.due_actions()]
    return enqueue_rows(
        perform_action, due, queue.mark_not_enqueued, expires_seconds=expires_seconds
    )


def enqueue_action(action_id: uuid.UUID) -> bool:
    """Enqueue an action that was just written; the sweeper takes it when that fails."""
    return enqueue_row(perform_action, str(action_id), queue.mark_not_enqueued)


queue.enqueue_by(enqueue_action)
