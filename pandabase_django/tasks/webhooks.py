"""Tasks that handle webhook deliveries, and how they come to the broker."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.attempts.waiting import LOST_AFTER
from pandabase_django.services.health.ticks import tick
from pandabase_django.services.webhooks import queue
from pandabase_django.services.webhooks.process import process_delivery
from pandabase_django.services.webhooks.rotation import finish_due_rotations
from pandabase_django.tasks.rows import enqueue_retry, enqueue_row, enqueue_rows
from pandabase_django.tasks.sync_messages import read_licenses_soon

__all__ = [
    "enqueue_deliveries",
    "enqueue_delivery",
    "finish_webhook_rotations",
    "process_webhook",
    "prune_webhooks",
    "sweep_webhooks",
]

logger = get_logger(__name__)


@shared_task(name="pandabase.process_webhook", acks_late=True)
def process_webhook(delivery_id: int) -> None:
    """Work off a webhook delivery and whatever waits for the same order."""
    processed = process_delivery(delivery_id)
    if processed.finished and (store_id := queue.store_of_payment(delivery_id)):
        read_licenses_soon(store_id)
    enqueue_retry(process_webhook, delivery_id, processed.retry_after_seconds)


@shared_task(bind=True, name="pandabase.sweep_webhooks")
def sweep_webhooks(self: Task[Any, Any]) -> int:
    """Enqueue deliveries that are due and that nobody works on. Returns how many."""
    tick(self.name)
    # By then the sweeper takes it for lost and sends another: where no worker takes the
    # messages of deliveries, they do not pile up.
    return enqueue_deliveries(queue.due_deliveries(), expires_seconds=LOST_AFTER.total_seconds())


@shared_task(bind=True, name="pandabase.prune_webhooks")
def prune_webhooks(self: Task[Any, Any]) -> int:
    """Delete finished deliveries past their retention. Returns how many."""
    tick(self.name)
    return queue.prune()


@shared_task(bind=True, name="pandabase.finish_webhook_rotations")
def finish_webhook_rotations(self: Task[Any, Any]) -> int:
    """End the overlap of signing secrets whose time is over. Returns how many ended."""
    tick(self.name)
    results = finish_due_rotations()
    for endpoint, trouble in results:
        if trouble:
            logger.warning(
                "The rotation of endpoint …%s could not be finished: %s",
                endpoint.pk[-6:],
                trouble,
                extra=facts(store=endpoint.store_id),
            )
    return sum(not trouble for _, trouble in results)


def enqueue_delivery(delivery_id: int) -> bool:
    """Enqueue the work of a delivery that was just stored; the sweeper takes it when that fails."""
    return enqueue_row(process_webhook, delivery_id, queue.mark_not_enqueued)


def enqueue_deliveries(delivery_ids: list[int], *, expires_seconds: float | None = None) -> int:
    """Enqueue several; stops at the first that the broker refuses. Returns how many it took."""
    return enqueue_rows(
        process_webhook, delivery_ids, queue.mark_not_enqueued, expires_seconds=expires_seconds
    )
