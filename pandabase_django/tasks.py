"""Celery tasks: load by primary key, call one service, turn ``retryable`` into a retry.

Messages carry primary keys alone. Every task may be delivered twice: a second delivery finds the
lease taken, or nothing left to do.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from celery import Task, current_app, shared_task
from celery.signals import task_prerun, worker_ready
from django.db import connections
from kombu.exceptions import OperationalError

from pandabase_django.exceptions import LeaseHeld, PandabaseError
from pandabase_django.models import RotationAttempt, Store, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services import rotation
from pandabase_django.services.sync import refresh, runs
from pandabase_django.services.sync.journal import prune_changes as prune_changes_of_rows
from pandabase_django.services.sync.request_logs import prune_request_logs
from pandabase_django.services.sync.sharing import help_with_details
from pandabase_django.services.ticks import tick
from pandabase_django.services.webhooks import queue
from pandabase_django.services.webhooks.process import process_delivery
from pandabase_django.services.webhooks.rotation import finish_due_rotations

__all__ = [
    "archive_request_logs",
    "broker_problem",
    "enqueue",
    "enqueue_deliveries",
    "enqueue_delivery",
    "fetch_request_logs",
    "finish_webhook_rotations",
    "pick_up_spool",
    "process_webhook",
    "prune_changes",
    "prune_webhooks",
    "reap_stalled_runs",
    "refresh_row",
    "rotate_due_secrets",
    "rotate_secret",
    "sweep_webhooks",
    "sync_all",
    "sync_details",
    "sync_orders",
    "sync_products",
    "sync_store",
    "watch_rotations",
]

logger = logging.getLogger(__name__)

MAX_RETRIES = 5
LEASE_MARGIN_SECONDS = 1.0
BROKER_TIMEOUT_SECONDS = 3
CONTINUE_AFTER_SECONDS = 30  # other requests of the store come between
BROKER_PAUSE_SECONDS = 30.0
SHORT_WAIT_SECONDS = 90.0  # longer ones are left to the sweeper
ROTATION_LOOKS = 12
ROTATION_LOOK_SECONDS = 15
# Beyond the ten minutes for which an answer is held while the database is down.
ROTATION_TIME_LIMIT_SECONDS = 1800


def enqueue(task: Task[Any, Any], *args: Any, **kwargs: Any) -> bool:
    """Enqueue a task from a page: one try, and False instead of an error when the broker fails."""
    try:
        task.apply_async(args, kwargs, retry=False)
    except (OperationalError, OSError):
        logger.exception("%s could not be enqueued.", task.name)
        return False
    return True


def broker_problem() -> str:
    """Ask the broker once. Returns what is wrong in a few words, "" when it answers."""
    try:
        with current_app.connection_for_write(connect_timeout=BROKER_TIMEOUT_SECONDS) as broker:
            # Its password is masked in as_uri; the error itself might carry it.
            address = broker.as_uri()
            try:
                broker.ensure_connection(
                    max_retries=1, interval_start=0, timeout=BROKER_TIMEOUT_SECONDS
                )
            except (OperationalError, OSError) as error:
                return f"{address}: {type(error).__name__}"
    except (OperationalError, OSError, ImportError, KeyError, ValueError) as error:
        return type(error).__name__
    return ""


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
        fetch_request_logs.apply_async(
            (store_id,),
            {"trigger": trigger, "user_id": user_id},
            countdown=CONTINUE_AFTER_SECONDS,
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


@shared_task(name="pandabase.process_webhook", acks_late=True)
def process_webhook(delivery_id: int) -> None:
    """Work off a webhook delivery and whatever waits for the same order."""
    wait = process_delivery(delivery_id).retry_after_seconds
    if wait is not None and wait <= SHORT_WAIT_SECONDS:
        try:
            process_webhook.apply_async((delivery_id,), countdown=wait + 1, retry=False)
        except (OperationalError, OSError):
            logger.warning("A short retry is left to the sweeper: the broker failed.")


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
    if attempt.state in unfinished and self.request.retries < ROTATION_LOOKS:
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
        rotate_secret.delay(attempt_id)
    return recorded


@shared_task(bind=True, name="pandabase.watch_rotations")
def watch_rotations(self: Task[Any, Any]) -> int:
    """Look at every open rotation. Returns how many there were."""
    tick(self.name)
    seen = rotation.watch_rotations()
    for attempt_id in seen.to_run:
        rotate_secret.delay(str(attempt_id))
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
    except Exception:
        # The edge of a process: the answer stays in the spool, and the task goes on.
        logger.exception("The rotation spool could not be picked up.")


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
