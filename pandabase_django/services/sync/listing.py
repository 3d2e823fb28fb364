"""What all readings of the list of orders share: writing a page, dirty marks, the checkpoint."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import islice

from django.db.models import Q, QuerySet

from pandabase_django.api import schemas
from pandabase_django.api.schemas import Page
from pandabase_django.models import Order
from pandabase_django.services.sync.details import Shown, mark_dirty
from pandabase_django.services.sync.summaries import Noted, write_summaries
from pandabase_django.services.sync.sweep import SyncContext

__all__ = ["live_orders", "mark_due", "save_checkpoint", "write_batch", "write_page"]

MARKS_PER_TRANSACTION = 500
SHOWN_AT_MOST = 1000  # list rows a run remembers, of orders that changed: two megabytes


def write_batch(context: SyncContext, batch: Sequence[schemas.OrderRow], now: datetime) -> Noted:
    """Write list items inside ``context.writing()``, and count them."""
    noted = write_summaries(batch, store_id=context.store.pk, now=now, dry_run=context.dry_run)
    run = context.recorder.run
    context.recorder.warn(noted.warnings)
    run.rows_unchanged += noted.unchanged
    if context.dry_run:
        # Lists overlap; what is not written would be new each time.
        run.rows_created += len(context.note(noted.new))
        run.rows_updated += len(context.note(row.id for row in noted.changed))
    else:
        run.rows_created += len(noted.new)
        for row in noted.changed[: SHOWN_AT_MOST - len(context.shown)]:
            context.shown[row.id] = Shown(row, at=now)
    return noted


def write_page(context: SyncContext, page: Page[schemas.OrderRow]) -> int:
    """Write one page, and mark due what has another status here.

    Such a status comes from details that were older than the list; the list alone would not ask
    again, since its own form did not change.

    Returns:
        How many orders are new here, or had another status.
    """
    context.recorder.warn(page.warnings)
    with context.writing() as now:
        noted = write_batch(context, page.items, now)
    if noted.moved and not context.dry_run:
        # Not in the same transaction, which holds customers: webhooks lock orders first, and the
        # two would wait for each other. Who reads the page again finds them again.
        with context.writing():
            moved = Order.objects.filter(pk__in=noted.moved)
            mark_dirty(moved.filter(Q(dirty=False) | Q(unread_at__isnull=False)))
    return len(noted.new) + len(noted.moved)


def mark_due(context: SyncContext, ids: Collection[str]) -> None:
    """Ask for the details of these orders of the store, as far as they stand here."""
    remaining = iter(sorted(ids))
    while chunk := list(islice(remaining, MARKS_PER_TRANSACTION)):
        orders = Order.objects.filter(store=context.store, pk__in=chunk)
        if context.dry_run:
            found = orders.values_list("pk", flat=True)
            context.recorder.run.rows_updated += len(context.note(found))
            continue
        with context.writing():
            mark_dirty(orders)


def save_checkpoint(context: SyncContext) -> None:
    """Keep where this run stands, under the lease."""
    if not context.dry_run:
        with context.writing():
            context.keep_checkpoint()


def live_orders(context: SyncContext) -> QuerySet[Order]:
    """The store's orders that are no tombstones."""
    return Order.objects.filter(store=context.store, gone_at__isnull=True)
