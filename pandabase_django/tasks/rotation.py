"""Tasks that rotate secrets, look after open rotations and pick up what a spool has kept."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task
from celery.signals import task_prerun, worker_ready
from django.db import connections

from pandabase_django.exceptions import interruptions
from pandabase_django.models import RotationAttempt
from pandabase_django.observing.logs import get_logger
from pandabase_django.services import rotation
from pandabase_django.services.health.ticks import tick
from pandabase_django.tasks.broker import can_wait, enqueue

__all__ = ["pick_up_spool", "rotate_due_secrets", "rotate_secret", "watch_rotations"]

logger = get_logger(__name__)

ROTATION_LOOKS = 12
ROTATION_LOOK_SECONDS = 15
# Beyond the ten minutes for which an answer is held while the database is down.
ROTATION_TIME_LIMIT_SECONDS = 1800


@shared_task(
    bind=True,
    name="pandabase.rotate_secret",
    acks_late=True,
    time_limit=ROTATION_TIME_LIMIT_SECONDS,
    soft_time_limit=ROTATION_TIME_LIMIT_SECONDS,
)
def rotate_secret(self: Task[Any, Any], attempt_id: str) -> str:
    """Run a recorded rotation, or go on with it. Returns its state.

    However often it is delivered, one request is sent.
    """
    try:
        attempt = rotation.run_rotation(attempt_id)
    except RotationAttempt.DoesNotExist:
        logger.warning("There is no rotation %s to run.", attempt_id)
        return ""
    unfinished = ("SENT", "JOURNALED", "VERIFIED")
    looks_left = can_wait(self) and self.request.retries < ROTATION_LOOKS
    if attempt.state in unfinished and looks_left:
        raise self.retry(
            args=(str(attempt.pk),), countdown=ROTATION_LOOK_SECONDS, max_retries=ROTATION_LOOKS
        )
    return attempt.state


@shared_task(bind=True, name="pandabase.rotate_due_secrets")
def rotate_due_secrets(self: Task[Any, Any]) -> list[str]:
    """Rotate secrets that their age policy says are due, one a store. Returns the attempts."""
    tick(self.name)
    recorded = [str(attempt.pk) for attempt in rotation.request_due_rotations()]
    for attempt_id in recorded:
        # What the broker refuses is found by the watching task.
        enqueue(rotate_secret, attempt_id)
    return recorded


@shared_task(bind=True, name="pandabase.watch_rotations")
def watch_rotations(self: Task[Any, Any]) -> int:
    """Look at open rotations, for 50 seconds at most. Returns at how many."""
    tick(self.name)
    seen = rotation.watch_rotations()
    for attempt_id in seen.to_run:
        enqueue(rotate_secret, str(attempt_id))
    return seen.looked_at


@task_prerun.connect
def _pick_up_before_a_task(task: Task[Any, Any] | None = None, **_: Any) -> None:
    """An answer in the spool is worth more than any task: it goes first."""
    if task is not None and str(task.name).startswith("pandabase."):
        pick_up_spool()


@worker_ready.connect
def _pick_up_at_start(**_: Any) -> None:
    pick_up_spool()
    # This is the worker's parent process: its children must not inherit a connection.
    connections.close_all()


def pick_up_spool() -> None:
    """Give the database the answers that lie in this machine's spool, and enqueue their use."""
    try:
        if not rotation.waiting_in_spool():
            return
        for attempt_id in rotation.pick_up_spool().attempts:
            enqueue(rotate_secret, str(attempt_id))
    except interruptions():
        raise
    except Exception:
        # The edge of a process: the answer stays in the spool, and the task goes on.
        logger.exception("The rotation spool could not be picked up.")
