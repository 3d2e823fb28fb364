"""Tasks that work webhook deliveries off, and how they come to the broker."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery import Task, shared_task

from pandabase_django.services.ticks import tick
from pandabase_django.services.webhooks import queue
from pandabase_django.services.webhooks.process import process_delivery
from pandabase_django.services.webhooks.rotation import finish_due_rotations
from pandabase_django.tasks.broker import enqueue

__all__ = [
    "enqueue_deliveries",
    "enqueue_delivery",
    "finish_webhook_rotations",
    "process_webhook",
    "prune_webhooks",
    "sweep_webhooks",
]

logger = logging.getLogger(__name__)

BROKER_PAUSE_SECONDS = 30.0
SHORT_WAIT_SECONDS = 90.0  # longer ones are left to the sweeper


@shared_task(name="pandabase.process_webhook", acks_late=True)
def process_webhook(delivery_id: int) -> None:
    """Work off a webhook delivery and whatever waits for the same order."""
    wait = process_delivery(delivery_id).retry_after_seconds
    if wait is not None and wait <= SHORT_WAIT_SECONDS:
        # Without a broker it is left to the sweeper too.
        enqueue(process_webhook, delivery_id, after_seconds=wait + 1)


@shared_task(bind=True, name="pandabase.sweep_webhooks")
def sweep_webhooks(self: Task[Any, Any]) -> int:
    """Enqueue deliveries that are due and that nobody works on. Returns how many."""
    tick(self.name)
    return enqueue_deliveries(queue.due_deliveries())


@shared_task(name="pandabase.prune_webhooks")
def prune_webhooks() -> int:
    """Delete finished deliveries past their retention. Returns how many."""
    return queue.prune()


@shared_task(name="pandabase.finish_webhook_rotations")
def finish_webhook_rotations() -> int:
    """End the overlap of signing secrets whose time is over. Returns how many ended."""
    results = finish_due_rotations()
    for endpoint, trouble in results:
        if trouble:
            logger.warning("The rotation of %s could not be finished: %s", endpoint, trouble)
    return sum(not trouble for _, trouble in results)


class _Broker:
    """Remembers that the broker failed, so that not every delivery waits for its time-out."""

    failed_at: float | None = None

    @classmethod
    def rests(cls) -> bool:
        return cls.failed_at is not None and time.monotonic() - cls.failed_at < BROKER_PAUSE_SECONDS


def enqueue_delivery(delivery_id: int) -> bool:
    """Enqueue the work of a delivery that was just stored; the sweeper takes it when that fails.

    After a failure this process leaves the broker alone for half a minute: one that hangs would
    hold every delivery until its time-out, and the web server's workers with it.
    """
    if not _Broker.rests():
        if enqueue(process_webhook, delivery_id):
            _Broker.failed_at = None
            return True
        _Broker.failed_at = time.monotonic()
    queue.mark_not_enqueued(delivery_id)
    return False


def enqueue_deliveries(delivery_ids: list[int]) -> int:
    """Enqueue several; stops at the first that the broker refuses. Returns how many it took."""
    for number, delivery_id in enumerate(delivery_ids):
        if not enqueue(process_webhook, delivery_id):
            for left in delivery_ids[number:]:
                queue.mark_not_enqueued(left)
            return number
    return len(delivery_ids)
