"""Runs one sync of one resource: lease, record and strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import Error as AnyDatabaseError
from django.db import transaction
from django.utils import timezone

from pandabase_django import signals
from pandabase_django.conf import conf
from pandabase_django.exceptions import LeaseLost
from pandabase_django.models import Store, SyncCursor, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.clients import client_for, open_client, token_of
from pandabase_django.services.sync import lease as leases
from pandabase_django.services.sync.endings import RunResult, attempt, without_database
from pandabase_django.services.sync.orders import sync_orders
from pandabase_django.services.sync.paging import Reader
from pandabase_django.services.sync.products import sync_products
from pandabase_django.services.sync.recorder import Recorder
from pandabase_django.services.sync.request_logs import fetch_request_logs
from pandabase_django.services.sync.sharing import CallForHelp
from pandabase_django.services.sync.sweep import SyncContext

__all__ = [
    "RESOURCES",
    "RunResult",
    "enabled_stores",
    "reap_stalled_runs",
    "request_cancel",
    "sync_resource",
]

RESOURCES = (Resource.PRODUCTS, Resource.ORDERS)
STALLED_AFTER = timedelta(minutes=5)


def enabled_stores(store_id: str = "") -> list[Store]:
    """Every enabled store, or the one that is named, enabled or not.

    Raises:
        Store.DoesNotExist: There is no such store.
    """
    if store_id:
        return [Store.objects.get(pk=store_id)]
    return list(Store.objects.filter(enabled=True))


def sync_resource(
    store: Store,
    *,
    resource: str,
    trigger: SyncRun.Trigger,
    user_id: Any = None,
    full: bool = False,
    dry_run: bool = False,
    on_progress: Callable[[SyncRun], None] = lambda run: None,
    on_wait: Callable[[str, float], None] | None = None,
    call_for_help: CallForHelp | None = None,
    comes_again: bool = False,
) -> RunResult:
    """Sync one resource of one store, and keep a record of it.

    Every failure of the remote, the credential, the settings or the connection to the database ends
    in the result; nothing that was written before is lost, and the next run goes on.

    Args:
        store: The store.
        resource: ``products``, ``orders`` or ``request_logs``.
        trigger: What started it.
        user_id: Who did.
        full: Read every page, whatever is known.
        dry_run: Compare and count, write nothing.
        on_progress: Called with the record after each batch.
        on_wait: Called while another worker's lease is waited for; None does not wait.
        call_for_help: Brings other workers when there are many details to read; see
            ``sharing.help_with_details``. None reads them all here.
        comes_again: The caller starts it again after ``RunResult.retry_after_seconds``. A rate
            limit that would hold the worker for too long then postpones the run instead of
            failing it.

    Raises:
        LeaseHeld: Another worker syncs this resource; no record is made.
        KeyboardInterrupt: Somebody at a terminal ended it; its record says so.
    """
    now = timezone.now()
    run = SyncRun(
        store=store,
        resource=resource,
        trigger=trigger,
        started_by_id=user_id,
        full=full,
        dry_run=dry_run,
        started_at=now,
        heartbeat_at=now,
    )
    recorder = Recorder(run, on_progress=on_progress)
    try:
        with _lease_of(run, on_wait) as lease:
            # Waiting for the lease was no part of it.
            run.started_at = run.heartbeat_at = timezone.now()
            cursor = _cursor(store, resource, dry_run=dry_run)
            run.first = cursor.first_completed_at is None
            if not dry_run:
                run.save(force_insert=True)
            work = partial(_work, cursor, lease, recorder, call_for_help)
            return attempt(recorder, work, comes_again=comes_again)
    except AnyDatabaseError as error:
        # Before the record was made, or while it was closed.
        ended = without_database(run, error)
        if ended is None:
            raise
        return ended
    finally:
        _announce_end(run)


def reap_stalled_runs() -> list[int]:
    """Close the records of runs whose process died. Returns their ids."""
    stalled = list(
        SyncRun.objects.filter(
            state=SyncRun.State.RUNNING, heartbeat_at__lt=timezone.now() - STALLED_AFTER
        ).values_list("pk", flat=True)
    )
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


def _announce_end(run: SyncRun) -> None:
    """Tell the end of a run that has a record, whatever it was."""
    if run.pk and not run.first and run.state != SyncRun.State.RUNNING:
        # Whether a transaction is open is asked of the database, which may be away.
        with suppress(AnyDatabaseError):
            transaction.on_commit(
                lambda: signals.send(signals.sync_finished, sender=SyncRun, run=run), robust=True
            )


@contextmanager
def _lease_of(
    run: SyncRun, on_wait: Callable[[str, float], None] | None
) -> Iterator[leases.Lease | None]:
    """The lease while the run lasts; None for a dry run, which needs none."""
    if run.dry_run:
        yield None
        return
    if on_wait is None:
        lease = leases.acquire(store_id=run.store_id, resource=run.resource)
    else:
        lease = leases.wait_for(store_id=run.store_id, resource=run.resource, on_wait=on_wait)
    try:
        yield lease
    finally:
        # A database that is down can't be told; the lease then ends by itself.
        with suppress(AnyDatabaseError):
            lease.release()


def _cursor(store: Store, resource: str, *, dry_run: bool) -> SyncCursor:
    cursor = SyncCursor.objects.filter(store=store, resource=resource).first()
    if cursor is None and dry_run:
        return SyncCursor(store=store, resource=resource)
    if cursor is None:
        raise LeaseLost("The lease's row vanished.")
    return cursor


def _work(
    cursor: SyncCursor,
    lease: leases.Lease | None,
    recorder: Recorder,
    call_for_help: CallForHelp | None,
) -> SyncRun.State:
    state = _run_strategy(cursor, lease, recorder, call_for_help)
    if not recorder.run.dry_run:
        _note_completion(cursor, lease)
    return state


def _run_strategy(
    cursor: SyncCursor,
    lease: leases.Lease | None,
    recorder: Recorder,
    call_for_help: CallForHelp | None,
) -> SyncRun.State:
    run = recorder.run

    def keep_alive() -> None:
        if recorder.tick():
            if lease is not None:
                lease.guard()
            recorder.save()

    with ExitStack() as stack:
        if run.dry_run:
            # Unlike client_for, it notes nothing of the token.
            client = stack.enter_context(open_client(token_of(run.store)))
        else:
            client = stack.enter_context(client_for(run.store))
        recorder.watch(client.traffic)
        reader: Reader[Any] = stack.enter_context(
            Reader(
                concurrency=conf.concurrency,
                while_waiting=keep_alive,
                renew=client.renew,
                give_up=client.give_up,
            )
        )
        stack.enter_context(signals.calling_between(reader.keep_alive))
        context = SyncContext(
            store=run.store,
            client=client,
            reader=reader,
            cursor=cursor,
            lease=lease,
            recorder=recorder,
            full=run.full,
            dry_run=run.dry_run,
            call_for_help=call_for_help,
        )
        if run.resource == Resource.REQUEST_LOGS:
            return fetch_request_logs(context)
        unread = 0
        if run.resource == Resource.PRODUCTS:
            sync_products(context)
        else:
            unread = sync_orders(context)
        all_read = not unread and not recorder.left_out
        return SyncRun.State.COMPLETED if all_read else SyncRun.State.PARTIAL


def _note_completion(cursor: SyncCursor, lease: leases.Lease | None) -> None:
    now = timezone.now()
    with transaction.atomic():
        if lease is not None:
            lease.guard()
        cursor.last_completed_at = now
        cursor.first_completed_at = cursor.first_completed_at or now
        cursor.generation += 1
        cursor.save(
            update_fields=[
                "checkpoint",
                "first_completed_at",
                "generation",
                "last_completed_at",
                "last_full_at",
            ]
        )
