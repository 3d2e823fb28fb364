"""Runs one sync of one resource: lease, record and strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.db import Error as AnyDatabaseError
from django.utils import timezone

from pandabase_django import signals
from pandabase_django.database import transaction
from pandabase_django.exceptions import APIError, ConfigurationError, LeaseLost
from pandabase_django.models import Store, SyncCursor, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.observing.logs import about
from pandabase_django.services.sync import outages
from pandabase_django.services.sync.mirror.resource import Schedule
from pandabase_django.services.sync.orders.details.helpers import CallForHelp
from pandabase_django.services.sync.resources import resource_named, scheduled, with_runs
from pandabase_django.services.sync.run import lease as leases
from pandabase_django.services.sync.run.failures import RunResult, attempt, without_database
from pandabase_django.services.sync.run.one_object import report_left_out
from pandabase_django.services.sync.run.queued import Turn
from pandabase_django.services.sync.run.recorder import Recorder
from pandabase_django.services.sync.run.session import opened
from pandabase_django.services.tokens.holding import stores_elsewhere, used_elsewhere

__all__ = [
    "MIRRORED",
    "READ_SELDOM",
    "RESOURCES",
    "Caller",
    "RunResult",
    "enabled_stores",
    "reap_stalled_runs",
    "request_cancel",
    "scheduled_stores",
    "sync_resource",
]

RESOURCES = tuple(Resource(one.name) for one in scheduled(Schedule.OFTEN))
READ_SELDOM = tuple(Resource(one.name) for one in scheduled(Schedule.SELDOM))
MIRRORED = tuple(Resource(one.name) for one in with_runs() if one.model is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What the process that starts a run wants to know of it, and can do for it.

    Attributes:
        on_progress: Called with the record after each batch.
        on_wait: Called while another worker's lease is waited for; None does not wait.
        call_for_help: Brings other workers when there are many details to read; see
            ``helpers.help_with_details``. None reads them all here.
        comes_again: It starts the run again after ``RunResult.retry_after_seconds``. A rate limit
            that would hold the worker for too long then postpones the run instead of failing it,
            and a long run gives way to other stores.
        should_stop: Whether this process is to end: then the run does at its next batch.
        turn_seconds: See ``queued.Turn``.
    """

    on_progress: Callable[[SyncRun], None] = lambda run: None
    on_wait: Callable[[str, float], None] | None = None
    call_for_help: CallForHelp | None = None
    comes_again: bool = False
    should_stop: Callable[[], bool] = lambda: False
    turn_seconds: float | None = None


ALONE = Caller()


def enabled_stores(store_id: str = "") -> list[Store]:
    """Every enabled store, or the one that is named, enabled or not.

    Raises:
        Store.DoesNotExist: There is no such store.
    """
    if store_id:
        return [Store.objects.get(pk=store_id)]
    return list(Store.objects.filter(enabled=True))


def scheduled_stores() -> list[str]:
    """Ids of the stores that scheduled syncs read: enabled, and with a token that is used here."""
    enabled = Store.objects.filter(enabled=True).exclude(pk__in=stores_elsewhere())
    return list(enabled.values_list("pk", flat=True))


def sync_resource(
    store: Store,
    *,
    resource: str,
    trigger: SyncRun.Trigger,
    user_id: Any = None,
    full: bool = False,
    caller: Caller = ALONE,
) -> RunResult:
    """Sync one resource of one store, and keep a record of it.

    Every failure of the remote, the credential, the settings or the connection to the database ends
    in the result; nothing that was written before is lost, and the next run goes on.

    Args:
        store: The store.
        resource: The name of its definition, such as ``products``.
        trigger: What started it.
        user_id: Who did.
        full: Read every page, whatever is known.
        caller: What the process that calls this wants to know, and can do.

    Raises:
        LeaseHeld: Another worker syncs this resource; no record is made.
        OtherEnvironment: The store's token is not to be used here; no record is made.
        OutageUnderWay: The host does not answer, and it is not time to try again; no record is
            made. Only scheduled syncs hold back.
        KeyboardInterrupt: Somebody at a terminal ended it; its record says so.
    """
    now = timezone.now()
    run = SyncRun(
        store=store,
        resource=resource,
        trigger=trigger,
        started_by_id=user_id,
        full=full,
        started_at=now,
        heartbeat_at=now,
    )
    if trigger == SyncRun.Trigger.SCHEDULE:
        outages.take_turn(store, resource)
    goes_on = caller.comes_again and resource_named(resource).goes_on
    recorder = Recorder(
        run,
        on_progress=caller.on_progress,
        should_stop=caller.should_stop,
        gives_way=Turn(store.pk, seconds=caller.turn_seconds).is_over if goes_on else lambda: False,
    )
    with about(store=store.pk, resource=resource):
        return _run_of(recorder, caller)


def _run_of(recorder: Recorder, caller: Caller) -> RunResult:
    run, store = recorder.run, recorder.run.store
    try:
        _refuse_elsewhere(store)
        with _lease_of(run, caller.on_wait) as lease:
            # Waiting for the lease was no part of it.
            run.started_at = run.heartbeat_at = timezone.now()
            cursor = SyncCursor.objects.filter(store=store, resource=run.resource).first()
            if cursor is None:
                raise LeaseLost("The lease's row vanished.")
            run.first = cursor.first_completed_at is None
            run.save(force_insert=True)
            work = partial(_work, cursor, lease, recorder, caller.call_for_help)
            with about(run=run.pk):
                return _weighed(attempt(recorder, work, comes_again=caller.comes_again))
    except AnyDatabaseError as error:
        # Before the record was made, or while it was closed.
        ended = without_database(run, error)
        if ended is None:
            raise
        return ended
    finally:
        _announce_end(run)


def _refuse_elsewhere(store: Store) -> None:
    with suppress(ConfigurationError):  # the run's record is to say it
        if (elsewhere := used_elsewhere(store.pk)) is not None:
            raise elsewhere


def reap_stalled_runs() -> list[int]:
    """Close the records of runs whose process died. Returns their ids."""
    stalled = list(SyncRun.objects.stalled().values_list("pk", flat=True))
    SyncRun.objects.filter(pk__in=stalled, state=SyncRun.State.RUNNING).update(
        state=SyncRun.State.STALLED,
        finished_at=timezone.now(),
        error="The process that ran this gave no sign of life. The next run goes on from here.",
    )
    return stalled


def request_cancel(run: SyncRun) -> bool:
    """Ask a run to end at its next batch. False when it has ended, or was asked already."""
    return bool(
        SyncRun.objects.filter(
            pk=run.pk, state=SyncRun.State.RUNNING, cancel_requested_at__isnull=True
        ).update(cancel_requested_at=timezone.now())
    )


def _weighed(result: RunResult) -> RunResult:
    """Note what the end of a run says of its host.

    The schedule leaves one record of an outage, or of each sync that alone fails.
    """
    run = result.run
    if result.error is None or not outages.is_outage(result.error):
        if result.error is None or isinstance(result.error, APIError):
            outages.note_answer(run.store, run.resource)
        return result
    known, seconds = outages.note_failure(
        run.store, run.resource, result.error, began=run.started_at
    )
    wrote = run.rows_created or run.rows_updated or run.rows_gone
    if known and run.trigger == SyncRun.Trigger.SCHEDULE and not wrote:
        run.delete()
    return replace(result, away_seconds=seconds)


def _announce_end(run: SyncRun) -> None:
    """Announce the end of a run that has a record, whatever it was."""
    if run.pk and not run.first and run.state != SyncRun.State.RUNNING:
        # Whether a transaction is open is asked of the database, which may be away.
        with suppress(AnyDatabaseError):
            transaction.on_commit(
                lambda: signals.send(signals.sync_finished, sender=SyncRun, run=run)
            )


@contextmanager
def _lease_of(run: SyncRun, on_wait: Callable[[str, float], None] | None) -> Iterator[leases.Lease]:
    """The lease while the run lasts."""
    if on_wait is None:
        lease = leases.acquire(store_id=run.store_id, resource=run.resource)
    else:
        lease = leases.wait_for(store_id=run.store_id, resource=run.resource, on_wait=on_wait)
    try:
        yield lease
    finally:
        # A database that is down can't be asked; the lease then ends by itself.
        with suppress(AnyDatabaseError):
            lease.release()


def _work(
    cursor: SyncCursor,
    lease: leases.Lease,
    recorder: Recorder,
    call_for_help: CallForHelp | None,
) -> SyncRun.State:
    with opened(recorder, cursor, lease=lease, call_for_help=call_for_help) as context:
        resource_named(recorder.run.resource).read(context)
        report_left_out(context)
        cursor.checkpoint = context.checkpoints.to_json()
    _note_completion(cursor, lease)
    return SyncRun.State.PARTIAL if recorder.in_part else SyncRun.State.COMPLETED


def _note_completion(cursor: SyncCursor, lease: leases.Lease) -> None:
    now = timezone.now()
    with transaction.atomic():
        lease.guard()
        cursor.last_completed_at = now
        cursor.first_completed_at = cursor.first_completed_at or now
        cursor.save(
            update_fields=[
                "checkpoint",
                "first_completed_at",
                "last_completed_at",
                "last_full_at",
            ]
        )
