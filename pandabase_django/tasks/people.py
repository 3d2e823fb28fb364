"""Tasks that erase persons."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from pandabase_django.exceptions import SealError
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.attempts.waiting import LOST_AFTER
from pandabase_django.services.health.ticks import tick
from pandabase_django.services.people import queue
from pandabase_django.services.people.erasing import carry_out
from pandabase_django.tasks.rows import enqueue_row, enqueue_rows

__all__ = ["enqueue_erasure", "erase_person", "sweep_erasures"]

logger = get_logger(__name__)


@shared_task(name="pandabase.erase_person", acks_late=True)
def erase_person(erasure_id: int) -> str:
    """Carry out a recorded erasure. Returns its number, "" when there was nothing to do.

    However often it is delivered, one worker has it. One that is stopped anywhere is found by the
    sweeper, and goes on where rows are not emptied yet.
    """
    try:
        erasure = carry_out(erasure_id)
    except SealError as error:
        store_id = queue.store_of(erasure_id)
        logger.error("Erasure %s waits: %s", erasure_id, error, extra=facts(store=store_id))
        return ""
    return str(erasure.pk) if erasure else ""


@shared_task(bind=True, name="pandabase.sweep_erasures")
def sweep_erasures(self: Task[Any, Any]) -> int:
    """Enqueue erasures that are not done and that nobody works on. Returns how many."""
    tick(self.name)
    return enqueue_rows(
        erase_person,
        queue.due_erasures(),
        queue.mark_not_enqueued,
        expires_seconds=LOST_AFTER.total_seconds(),
    )


def enqueue_erasure(erasure_id: int) -> bool:
    """Enqueue an erasure that was just recorded; the sweeper takes it when that fails."""
    return enqueue_row(erase_person, erasure_id, queue.mark_not_enqueued)


queue.enqueue_by(enqueue_erasure)
