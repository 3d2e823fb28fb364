"""Tasks that read the remote into the mirror, and keep the records of it in bounds."""

from __future__ import annotations

import logging
from typing import Any

from celery import Task, shared_task

from pandabase_django.exceptions import LeaseHeld, PandabaseError
from pandabase_django.models import Store, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.sync import refresh, runs
from pandabase_django.services.sync.journal import prune_changes as prune_changes_of_rows
from pandabase_django.services.sync.request_logs import prune_request_logs
from pandabase_django.services.sync.sharing import help_with_details
from pandabase_django.services.ticks import tick
from pandabase_django.tasks.broker import enqueue

__all__ = [
    "archive_request_logs",
    "fetch_request_logs",
    "prune_changes",
    "reap_stalled_runs",
    "refresh_row",
    "sync_all",
    "sync_details",
    "sync_orders",
    "sync_products",
    "sync_store",
]

logger = logging.getLogger(__name__)

MAX_RETRIES = 5
LEASE_MARGIN_SECONDS = 1.0
CONTINUE_AFTER_SECONDS = 30  # other requests of the store come between


@shared_task(bind=True, name="pandabase.sync_all")
def sync_all(self: Task[Any, Any]) -> list[str]:
    """Enqueue a sync of every enabled store."""
    tick(self.name)
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


@shared_task(name="pandabase.sync_details", acks_late=True)
def sync_details(run_id: int) -> str:
    """Help another worker's run to read details. Returns the helper's state, "" when not needed."""
    done = help_with_details(run_id)
    if done is None:
        return ""
    if done.more:
        # At the end of the queue: other tasks have their turn.
        enqueue(sync_details, run_id)
    return done.result.run.state


@shared_task(name="pandabase.archive_request_logs")
def archive_request_logs() -> int:
    """Enqueue a fetch of every enabled store's request log, and forget entries beyond retention.

    Returns how many entries were deleted.
    """
    for store in runs.enabled_stores():
        fetch_request_logs.delay(store.pk)
    return prune_request_logs()


@shared_task(
    bind=True, name="pandabase.fetch_request_logs", max_retries=MAX_RETRIES, acks_late=True
)
def fetch_request_logs(
    self: Task[Any, Any],
    store_id: str,
    trigger: str = SyncRun.Trigger.SCHEDULE.value,
    user_id: Any = None,
) -> str:
    """Fetch what is new in the remote's request log of a store. Returns the run's state."""
    state = _sync(
        self, store_id, Resource.REQUEST_LOGS, trigger=trigger, user_id=user_id, full=False
    )
    if state == SyncRun.State.PARTIAL:
        # Without a broker the next scheduled run goes on.
        enqueue(
            fetch_request_logs,
            store_id,
            after_seconds=CONTINUE_AFTER_SECONDS,
            trigger=trigger,
            user_id=user_id,
        )
    return state


@shared_task(bind=True, name="pandabase.reap_stalled_runs")
def reap_stalled_runs(self: Task[Any, Any]) -> int:
    """Close the records of runs whose process died. Returns how many."""
    tick(self.name)
    return len(runs.reap_stalled_runs())


@shared_task(bind=True, name="pandabase.refresh_row", max_retries=MAX_RETRIES)
def refresh_row(self: Task[Any, Any], model_name: str, pk: str, user_id: Any = None) -> None:
    """Read one order or product again, because a person asked for it."""
    try:
        refresh.refresh_row(model_name, pk, user_id=user_id)
    except LeaseHeld:
        logger.info("%s %s was not refreshed: a sync that reads it is under way.", model_name, pk)
    except PandabaseError as error:
        if not error.retryable:
            raise
        raise self.retry(exc=error, countdown=error.retry_after_seconds or 30) from None


@shared_task(name="pandabase.prune_changes")
def prune_changes() -> int:
    """Delete old notes on which row was changed by what. Returns how many."""
    return prune_changes_of_rows()


def _call_for_help(run_id: int, helpers: int) -> None:
    for _ in range(helpers):
        if not enqueue(sync_details, run_id):
            return


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
            call_for_help=_call_for_help,
            # Called as a function there is nobody to start it again: ``retry`` only raises then.
            comes_again=not task.request.called_directly and task.request.retries < MAX_RETRIES,
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
