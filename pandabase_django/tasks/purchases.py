"""Tasks that have the shop's handlers called for what was bought."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from pandabase_django.services.attempts.waiting import LOST_AFTER
from pandabase_django.services.checkout.sessions import end_sessions
from pandabase_django.services.health.ticks import tick
from pandabase_django.services.purchases import queue
from pandabase_django.services.purchases.handing import process_purchase as call_handlers
from pandabase_django.tasks.rows import enqueue_retry, enqueue_row, enqueue_rows

__all__ = ["enqueue_purchase", "enqueue_purchases", "process_purchase", "sweep_checkouts"]


@shared_task(name="pandabase.process_purchase", acks_late=True)
def process_purchase(purchase_id: int) -> None:
    """Call the handlers that wait for a purchase."""
    enqueue_retry(process_purchase, purchase_id, call_handlers(purchase_id).retry_after_seconds)


@shared_task(bind=True, name="pandabase.sweep_checkouts")
def sweep_checkouts(self: Task[Any, Any]) -> int:
    """Enqueue purchases that are due and that nobody works on; end sessions. Returns how many."""
    tick(self.name)
    # By then the sweeper takes it for lost and sends another.
    expires_seconds = LOST_AFTER.total_seconds()
    enqueued = enqueue_purchases(queue.due_purchases(), expires_seconds=expires_seconds)
    end_sessions()
    return enqueued


def enqueue_purchase(purchase_id: int) -> bool:
    """Enqueue a purchase that was just written; the sweeper takes it when that fails."""
    return enqueue_row(process_purchase, purchase_id, queue.mark_not_enqueued)


def enqueue_purchases(purchase_ids: list[int], *, expires_seconds: float | None = None) -> int:
    """Enqueue several; stops at the first that the broker refuses. Returns how many it took."""
    return enqueue_rows(
        process_purchase, purchase_ids, queue.mark_not_enqueued, expires_seconds=expires_seconds
    )


queue.enqueue_by(enqueue_purchase)
