"""Tasks that read the remote into the mirror, and keep the records of it in bounds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from celery import Task, shared_task

from pandabase_django.exceptions import LeaseHeld, ObjectNotFound, OtherEnvironment, PandabaseError
from pandabase_django.models import Store, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.observing.logs import about, facts, get_logger
from pandabase_django.services.checkout.sessions import prune_sessions
from pandabase_django.services.health.retention import prune_actions, prune_rotations, prune_runs
from pandabase_django.services.health.ticks import tick
from pandabase_django.services.sync import refresh, runs
from pandabase_django.services.sync.orders.details.helpers import help_with_details
from pandabase_django.services.sync.outages import OutageUnderWay
from pandabase_django.services.sync.request_logs import is_read_in_part, prune_request_logs
from pandabase_django.services.sync.run import queued
from pandabase_django.services.sync.run.change_notes import prune_changes as prune_changes_of_rows
from pandabase_django.services.sync.run.recorder import RunStopped
from pandabase_django.services.usage.retention import prune_usage
from pandabase_django.tasks.broker import can_wait, enqueue, is_eager
from pandabase_django.tasks.shutdown import is_shutting_down
from pandabase_django.tasks.sync_messages import (
    enqueue_sync,
    expires_seconds,
    put_back,
    read_licenses_soon,
    send_portion,
)

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
    "sync_resource",
    "sync_rest",
    "sync_seldom",
    "sync_store",
]

logger = get_logger(__name__)

MAX_RETRIES = 5
LEASE_MARGIN_SECONDS = 1.0
HELP_EXPIRES_SECONDS = 3600  # the run goes on without it
OUTAGE_MARGIN_SECONDS = 1.0
CONTINUE_AFTER_SECONDS = 30  # other requests of the store come between


@shared_task(bind=True, name="pandabase.sync_all")
def sync_all(self: Task[Any, Any]) -> list[str]:
    """Enqueue the syncs of every enabled store."""
    tick(self.name)
    stores = runs.scheduled_stores()
    _enqueue_scheduled(self, stores, runs.RESOURCES)
    return stores


@shared_task(bind=True, name="pandabase.sync_seldom")
def sync_seldom(self: Task[Any, Any]) -> list[str]:
    """Enqueue the syncs of what changes seldom, such as payouts, of every enabled store."""
    tick(self.name)
    stores = runs.scheduled_stores()
    _enqueue_scheduled(self, stores, runs.READ_SELDOM)
    return stores


@shared_task(name="pandabase.sync_rest")
def sync_rest(waiting: list[list[str]], until: float) -> None:
    """Enqueue the next syncs of a tick that had many."""
    send_portion(waiting, until=until)


@shared_task(name="pandabase.sync_store")
def sync_store(
    store_id: str,
    trigger: str = SyncRun.Trigger.SCHEDULE.value,
    user_id: Any = None,
    full: bool = False,
) -> None:
    """Enqueue the sync of each resource of a store, but for what waits for a worker already."""
    if not Store.objects.filter(pk=store_id).exists():
        logger.warning("There is no store %s to sync.", store_id, extra=facts(store=store_id))
        return
    enqueue_sync([store_id], runs.RESOURCES, trigger=trigger, user_id=user_id, full=full)


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


@shared_task(bind=True, name="pandabase.sync_resource", max_retries=MAX_RETRIES, acks_late=True)
def sync_resource(
    self: Task[Any, Any],
    store_id: str,
    resource: str,
    trigger: str = SyncRun.Trigger.SCHEDULE.value,
    user_id: Any = None,
    full: bool = False,
) -> str:
    """Sync one resource of a store that has no task of its own. Returns the run's state."""
    return _sync(self, store_id, resource, trigger=trigger, user_id=user_id, full=full)


@shared_task(bind=True, name="pandabase.sync_details", acks_late=True)
def sync_details(self: Task[Any, Any], run_id: int) -> str:
    """Help another worker's run to read details. Returns the helper's state, "" when not needed."""
    done = help_with_details(run_id, should_stop=is_shutting_down)
    if done is None:
        return ""
    if done.more and can_wait(self):
        # At the end of the queue: other tasks have their turn.
        _enqueue_help(run_id)
    return done.result.run.state


@shared_task(bind=True, name="pandabase.archive_request_logs")
def archive_request_logs(self: Task[Any, Any]) -> int:
    """Enqueue a fetch of every enabled store's request log, and forget entries beyond retention.

    Returns how many entries were deleted.
    """
    tick(self.name)
    stores = runs.scheduled_stores()
    _enqueue_scheduled(self, stores, (Resource.REQUEST_LOGS,))
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
    if state == SyncRun.State.PARTIAL and is_read_in_part(store_id) and can_wait(self):
        # Without a broker the next scheduled run goes on.
        put_back(
            store_id,
            Resource.REQUEST_LOGS,
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
    name = f"{model_name} {pk}"
    with about(store=refresh.store_of(model_name, pk)):
        try:
            refresh.refresh_row(model_name, pk, user_id=user_id)
        except LeaseHeld:
            logger.info("%s was not refreshed: a sync that reads it is under way.", name)
        except ObjectNotFound:
            logger.info("%s was not found; the next sync shows whether it is gone.", name)
        except PandabaseError as error:
            if not error.retryable or not can_wait(self):
                raise
            raise self.retry(exc=error, countdown=error.retry_after_seconds or 30) from None


@shared_task(bind=True, name="pandabase.prune_changes")
def prune_changes(self: Task[Any, Any]) -> int:
    """Delete old notes, runs, rotations, actions, checkouts and usage. Returns how many rows."""
    tick(self.name)
    records = prune_changes_of_rows() + prune_runs() + prune_rotations() + prune_actions()
    return records + prune_sessions() + prune_usage()


def _call_for_help(run_id: int, helpers: int) -> None:
    for _ in range(helpers):
        if not _enqueue_help(run_id):
            return


def _enqueue_help(run_id: int) -> bool:
    return enqueue(sync_details, run_id, expires_seconds=HELP_EXPIRES_SECONDS)


def _enqueue_scheduled(
    tick_of: Task[Any, Any], stores: Iterable[str], resources: Iterable[str]
) -> None:
    scheduled = SyncRun.Trigger.SCHEDULE.value
    enqueue_sync(stores, resources, trigger=scheduled, in_portions=can_wait(tick_of))


def _sync(
    task: Task[Any, Any], store_id: str, resource: str, *, trigger: str, user_id: Any, full: bool
) -> str:
    store = Store.objects.filter(pk=store_id).first()
    if store is None:
        logger.warning("There is no store %s to sync.", store_id, extra=facts(store=store_id))
        return SyncRun.State.SKIPPED.value
    queued.begin(store_id=store_id, resource=resource, trigger=trigger, full=full)
    scheduled = SyncRun.Trigger.SCHEDULE.value
    try:
        result = runs.sync_resource(
            store,
            resource=resource,
            trigger=SyncRun.Trigger(trigger),
            user_id=user_id,
            full=full,
            caller=runs.Caller(
                call_for_help=_call_for_help,
                comes_again=can_wait(task) and task.request.retries < MAX_RETRIES,
                should_stop=is_shutting_down,
            ),
        )
    except LeaseHeld as error:
        if not (task.request.delivery_info or {}).get("redelivered"):
            return SyncRun.State.SKIPPED.value
        # The worker before this one was killed and left its lease: go on when it has run out.
        raise task.retry(
            countdown=(error.retry_after_seconds or 0) + LEASE_MARGIN_SECONDS
        ) from None
    except OtherEnvironment as error:
        logger.info(
            "%s of %s was not synced: %s",
            resource,
            store_id,
            error,
            extra=facts(store=store_id, resource=resource),
        )
        return SyncRun.State.SKIPPED.value
    except OutageUnderWay as error:
        if can_wait(task):
            seconds = (error.retry_after_seconds or 0) + OUTAGE_MARGIN_SECONDS
            put_back(store_id, resource, trigger=scheduled, full=full, after_seconds=seconds)
        return SyncRun.State.SKIPPED.value
    if resource == Resource.ORDERS and (result.run.rows_created or result.run.rows_updated):
        read_licenses_soon(store_id)
    if can_wait(task):
        if isinstance(result.error, RunStopped):
            # To another worker, or behind the syncs that wait.
            put_back(
                store_id,
                resource,
                trigger=trigger,
                user_id=user_id,
                full=full,
                after_seconds=0,
            )
            return result.run.state
        if result.away_seconds is not None:
            # Whoever asked has its answer in the record; from here on it is tried as scheduled.
            seconds = result.away_seconds + OUTAGE_MARGIN_SECONDS
            put_back(store_id, resource, trigger=scheduled, full=full, after_seconds=seconds)
            return result.run.state
    if result.retry_after_seconds is not None and not is_eager(task):
        seconds = result.retry_after_seconds
        lasts = seconds + expires_seconds(trigger)
        queued.hold(store_id=store_id, resource=resource, trigger=trigger, full=full, seconds=lasts)
        # The first message's expiry would end the retry as well.
        raise task.retry(exc=result.error, countdown=seconds, expires=lasts)
    return result.run.state
