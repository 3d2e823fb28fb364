"""Orders: the list is only ever appended to, so a sync reads its end, then what changed late.

An order is never deleted (Source: P-22, assumed: a falling total is told to a person), and its
place in the ascending list never moves. So the pages before the checkpoint hold nothing new.
They may hold orders that changed since; ``late`` finds those without reading them again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.api.schemas import Page
from pandabase_django.conf import conf
from pandabase_django.models import SyncCursor
from pandabase_django.services.sync import late
from pandabase_django.services.sync.details import dirty_orders, fetch_details
from pandabase_django.services.sync.paging import PAGE_SIZE
from pandabase_django.services.sync.summaries import write_summaries
from pandabase_django.services.sync.sweep import PAGES_PER_TRANSACTION, SyncContext

__all__ = ["sync_orders"]


def sync_orders(context: SyncContext) -> int:
    """Make the local orders, line items and customers equal the remote's.

    Returns:
        How many orders' details could not be read; they stay dirty.

    Raises:
        MissingPermission: The token may not read orders.
        PandabaseError: Whatever stopped the run; what was written so far stays and is right.
    """
    late.start_watching(context)
    full = context.full or context.cursor.last_full_at is None or _rolling_pass_due(context)
    if full:
        with context.recorder.step("orders: full pass"):
            _read_list(context, first=int(context.cursor.checkpoint.get("full_page", 1)))
        context.cursor.last_full_at = timezone.now()
        context.cursor.checkpoint.pop("full_page", None)
    else:
        with context.recorder.step("orders: new ones"):
            # One page back: ties in creation time, and rows that became visible late.
            _read_list(context, first=max(1, int(context.cursor.checkpoint.get("page", 1)) - 1))
        late.mark_late_changes(context, write=lambda page: write_page(context, page))
    failures = _read_details(context)
    if not full and late.read_differing_statuses(
        context, write=lambda page: write_page(context, page)
    ):
        failures += _read_details(context)
    return failures


def write_page(context: SyncContext, page: Page[schemas.OrderSummary]) -> None:
    """Write one page of summaries in a transaction of its own."""
    with context.writing() as now:
        _write(context, list(page.items), now)


def _rolling_pass_due(context: SyncContext) -> bool:
    """Read everything again daily when refunds or disputes can't be watched."""
    last = context.cursor.last_full_at
    blind = late.cannot_watch(context)
    interval = timedelta(seconds=conf.full_sweep_interval_seconds)
    return blind and (last is None or timezone.now() - last >= interval)


def _read_list(context: SyncContext, *, first: int) -> None:
    batch: list[schemas.OrderSummary] = []
    page: Page[schemas.OrderSummary] | None = None
    before = int(context.cursor.checkpoint.get("total", 0))
    pages = context.reader.pages(_list(context), first=first)
    for count, page in enumerate(pages, start=1):
        if page.total < before:
            context.recorder.attend(
                f"The remote counts {page.total} orders, {before} at an earlier sync. "
                "Orders are not supposed to vanish."
            )
        before = page.total
        batch.extend(page.items)
        context.recorder.warn(page.warnings)
        context.recorder.progress(
            done=(page.page - 1) * PAGE_SIZE + page.received, total=page.total
        )
        if count % PAGES_PER_TRANSACTION == 0:
            _write_batch(context, batch, page)
    if page is not None:
        _write_batch(context, batch, page)


def _list(context: SyncContext) -> Callable[[int], Page[schemas.OrderSummary]]:
    orders = context.client.orders
    return lambda number: orders.list(page=number, limit=PAGE_SIZE, sort="asc")


def _write_batch(
    context: SyncContext,
    batch: list[schemas.OrderSummary],
    page: Page[schemas.OrderSummary],
) -> None:
    with context.writing() as now:
        _write(context, batch, now)
        checkpoint = context.cursor.checkpoint
        checkpoint["page"] = max(page.page, int(checkpoint.get("page", 1)))
        checkpoint["total"] = page.total
        if context.cursor.last_full_at is None:
            # Only the first pass goes on where it was stopped: a later one is asked for in order
            # to see every page.
            checkpoint["full_page"] = page.page
        if not context.dry_run:
            SyncCursor.objects.filter(pk=context.cursor.pk).update(checkpoint=checkpoint)
    batch.clear()


def _write(context: SyncContext, batch: list[schemas.OrderSummary], now: datetime) -> None:
    noted = write_summaries(batch, store_id=context.store.pk, now=now, dry_run=context.dry_run)
    run = context.recorder.run
    run.rows_created += noted.created
    run.rows_unchanged += noted.unchanged
    context.recorder.warn(noted.warnings)
    if context.dry_run:
        run.rows_updated += noted.marked


def _read_details(context: SyncContext) -> int:
    if context.dry_run:
        return 0
    with context.recorder.step("orders: details"):
        due = late.dirty_count(context)
        context.recorder.progress(done=0, total=due)
        return fetch_details(
            dirty_orders(store_id=context.store.pk),
            client=context.client,
            reader=context.reader,
            recorder=context.recorder,
            store_id=context.store.pk,
            silent=context.first,
            on_batch=context.keep_lease,
        )
