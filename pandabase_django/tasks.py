"""Celery tasks: load by primary key, call one service, turn ``retryable`` into a retry.

Messages carry primary keys alone. Every task may be delivered twice: a second delivery finds the
lease taken, or nothing left to do.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import Task, shared_task
from kombu.exceptions import OperationalError

from pandabase_django.exceptions import LeaseHeld
from pandabase_django.models import Store, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.sync import runs

__all__ = [
    "enqueue",
    "reap_stalled_runs",
    "sync_all",
    "sync_orders",
    "sync_products",
    "sync_store",
]

logger = logging.getLogger(__name__)

MAX_RETRIES = 5
LEASE_MARGIN_SECONDS = 1.0


def enqueue(task: Task[Any, Any], *args: Any, **kwargs: Any) -> bool:
    """Enqueue a task from a page: one try, and False instead of an error when the broker fails."""
    try:
        task.apply_async(args, kwargs, retry=False)
    except (OperationalError, OSError):
        logger.exception("%s could not be enqueued.", task.name)
        return False
    return True


@shared_task(name="pandabase.sync_all")
def sync_all() -> list[str]:
    """Enqueue a sync of every enabled store."""
    stores = [store.pk for store in runs.enabled_stores()]
    for store_id in stores:
        sync_store.delay(store_id)
    return stores


@shared_task(name="pandabase.sync_store")
def sync_store(
    store_id: str,
    trigger: str = SyncRun.Trigger.SCHEDULE.value,
    user_id: Any = None,
    full: bool = False,
) -> None:
    """Enqueue the sync of each resource of a store."""
    for task in (sync_products, sync_orders):
        task.delay(store_id, trigger=trigger, user_id=user_id, full=full)


@shared_task(bind=True, name="pandabase.sync_products", max_retries=MAX_RETRIES, acks_late=True)
def sync_products(
    self: Task[Any, Any],
    store_id: str,
    trigger: str = SyncRun.Trigger.SCHEDULE.value,
    user_id: Any = None,
    full: bool = False,
) -> str:
    """Sync products, variants and categories of a store. Returns the run's state."""
    return _sync(self, store_id, Resource.PRODUCTS, trigger=trigger, user_id=user_id, full=full)


@shared_task(bind=True, name="pandabase.sync_orders", max_retries=MAX_RETRIES, acks_late=True)
def sync_orders(
    self: Task[Any, Any],
    store_id: str,
    trigger: str = SyncRun.Trigger.SCHEDULE.value,
    user_id: Any = None,
    full: bool = False,
) -> str:
    """Sync orders, line items and customers of a store. Returns the run's state."""
    return _sync(self, store_id, Resource.ORDERS, trigger=trigger, user_id=user_id, full=full)


@shared_task(name="pandabase.reap_stalled_runs")
def reap_stalled_runs() -> int:
    """Close the records of runs whose process died. Returns how many."""
    return len(runs.reap_stalled_runs())


def _sync(
    task: Task[Any, Any], store_id: str, resource: str, *, trigger: str, user_id: Any, full: bool
) -> str:
    store = Store.objects.filter(pk=store_id).first()
    if store is None:
        logger.warning("There is no store %s to sync.", store_id)
        return SyncRun.State.SKIPPED.value
    try:
        result = runs.sync_resource(
            store,
            resource=resource,
            trigger=SyncRun.Trigger(trigger),
            user_id=user_id,
            full=full,
        )
    except LeaseHeld as error:
        if not (task.request.delivery_info or {}).get("redelivered"):
            return SyncRun.State.SKIPPED.value
        # The worker before this one was killed and left its lease: go on when it has run out.
        raise task.retry(
            countdown=(error.retry_after_seconds or 0) + LEASE_MARGIN_SECONDS
        ) from None
    if result.retry_after_seconds is not None:
        raise task.retry(exc=result.error, countdown=result.retry_after_seconds)
    return result.run.state
