"""Compares the remote with the local rows and writes nothing: no row, no run, no cursor.

A dry run reads what the next sync would read, and its numbers are what that would write. An audit
compares counts or whole lists, whatever was read before.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.utils import timezone

from pandabase_django.models import Store, SyncCursor, SyncRun
from pandabase_django.observing.logs import about
from pandabase_django.services.sync.audit import compare_resource
from pandabase_django.services.sync.compared import Comparison
from pandabase_django.services.sync.resources import resource_named
from pandabase_django.services.sync.run import lease as leases
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.failures import attempt
from pandabase_django.services.sync.run.recorder import Recorder
from pandabase_django.services.sync.run.session import opened

__all__ = ["audit", "dry_run"]

SETTLED = "what differs may be settled by now."


def dry_run(
    store: Store,
    *,
    resource: str,
    full: bool = False,
    on_progress: Callable[[SyncRun], None] = lambda run: None,
) -> Comparison:
    """Count what a sync of one resource would write now.

    Every failure of the remote, the credential, the settings or the connection to the database ends
    in the result.

    Args:
        store: The store.
        resource: What is read.
        full: Read every page, whatever is known.
        on_progress: Called with a run that is never saved, to show how far it is.
    """
    run = _new_run(store, resource, full=full)
    return _compare(Comparison(run, audited=False), on_progress)


def audit(
    store: Store,
    *,
    resource: str,
    full: bool = False,
    on_progress: Callable[[SyncRun], None] = lambda run: None,
) -> Comparison:
    """Compare the counts of one resource, or all rows of its list. Failures as in ``dry_run``.

    The full comparison holds the ids of the whole list in memory, about 100 bytes each.

    Args:
        store: The store.
        resource: What is compared, with what its runs read too.
        full: Compare every list row instead of counts.
        on_progress: Called with a run that is never saved, to show how far it is.
    """
    run = _new_run(store, resource, full=full)
    return _compare(Comparison(run, audited=True), on_progress)


def _new_run(store: Store, resource: str, *, full: bool) -> SyncRun:
    now = timezone.now()
    return SyncRun(
        store=store, resource=resource, full=full, dry_run=True, started_at=now, heartbeat_at=now
    )


def _compare(comparison: Comparison, on_progress: Callable[[SyncRun], None]) -> Comparison:
    recorder = Recorder(comparison.run, on_progress=on_progress)
    run = comparison.run
    with about(store=run.store_id, resource=run.resource):
        comparison.error = attempt(recorder, partial(_read, comparison, recorder)).error
    return comparison


def _read(comparison: Comparison, recorder: Recorder) -> SyncRun.State:
    run = comparison.run
    before = leases.look(store_id=run.store_id, resource=run.resource)
    with opened(recorder, _cursor(comparison)) as context:
        _read_lists(comparison, context)
    if before.held:
        name = "audit" if comparison.audited else "dry run"
        comparison.notes.append(f"A sync was running when the {name} began; {SETTLED}")
    elif leases.look(store_id=run.store_id, resource=run.resource) != before:
        comparison.notes.append(f"A sync ran meanwhile; {SETTLED}")
    if recorder.in_part or not comparison.equal:
        return SyncRun.State.PARTIAL
    return SyncRun.State.COMPLETED


def _cursor(comparison: Comparison) -> SyncCursor:
    run = comparison.run
    # An audit believes no checkpoint.
    new = SyncCursor(store=run.store, resource=run.resource)
    if comparison.audited:
        return new
    cursor = SyncCursor.objects.filter(store=run.store, resource=run.resource).first() or new
    run.first = cursor.first_completed_at is None
    return cursor


def _read_lists(comparison: Comparison, context: RunContext) -> None:
    if comparison.audited:
        compare_resource(context, comparison)
    else:
        resource_named(comparison.run.resource).read(context)
