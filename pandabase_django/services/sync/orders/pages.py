"""What all readings of the list of orders share: writing a page, dirty marks, the checkpoint."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from itertools import islice

from django.db.models import QuerySet

from pandabase_django.api import schemas
from pandabase_django.api.schemas import Page
from pandabase_django.models import Order
from pandabase_django.models.sync import Resource
from pandabase_django.services.sync.due.marks import mark_contradicted, mark_dirty
from pandabase_django.services.sync.orders.summaries import Noted, write_summaries
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.one_object import note_page, note_rows, write_in_parts

__all__ = ["live_orders", "mark_due", "write_batch", "write_page"]

MARKS_PER_TRANSACTION = 500
_NAME = Resource.ORDERS.value


def write_batch(context: RunContext, batch: Sequence[schemas.OrderRow], now: datetime) -> Noted:
    """Write list items inside ``context.writing()``, and count them."""
    noted = write_summaries(batch, store_id=context.store.pk, now=now, dry_run=context.dry_run)
    run = context.recorder.run
    context.recorder.warn(noted.warnings)
    context.recorder.leave_out(noted.left_out.values())
    note_rows(context, _NAME, met=(item.id for item in batch), left_out=noted.left_out)
    run.rows_unchanged += noted.unchanged
    if context.dry_run:
        # Lists overlap; what is not written would be new each time.
        run.rows_created += len(context.note(noted.new))
        run.rows_updated += len(context.note(row.id for row in noted.changed))
    else:
        run.rows_created += len(noted.new)
    return noted


def write_page(context: RunContext, page: Page[schemas.OrderRow]) -> int:
    """Write one page, and mark due what has another status here.

    Such a status comes from details that were older than the list; the list alone would not ask
    again, since its own form did not change.

    Returns:
        How many orders are new here, or had another status.
    """
    note_page(context, _NAME, page)
    noted = write_in_parts(context, page.items, partial(write_batch, context), of=_NAME)
    new = sum(len(part.new) for part in noted)
    moved = sum(len(part.moved) for part in noted)
    contradicted = [row for part in noted for row in part.contradicted]
    if contradicted and not context.dry_run:
        # Not in the same transaction, which holds customers: webhooks lock orders first, and the
        # two would wait for each other. Who reads the page again finds them again.
        with context.writing() as now:
            mark_contradicted(contradicted, store_id=context.store.pk, now=now)
    return new + moved


def mark_due(context: RunContext, ids: Collection[str]) -> None:
    """Ask for the details of these orders of the store, as far as they are here."""
    remaining = iter(sorted(ids))
    while chunk := list(islice(remaining, MARKS_PER_TRANSACTION)):
        rows = Order.objects.filter(store=context.store, pk__in=chunk)
        if context.dry_run:
            found = rows.values_list("pk", flat=True)
            context.recorder.run.rows_updated += len(context.note(found))
            continue
        with context.writing():
            mark_dirty(rows)


def live_orders(context: RunContext) -> QuerySet[Order]:
    """The store's orders that are no tombstones."""
    return Order.objects.filter(store=context.store, gone_at__isnull=True)
