"""Products, variants and categories: a clean pass daily, the newest changes in between."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.db.models import QuerySet
from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.conf import conf
from pandabase_django.exceptions import MissingPermission
from pandabase_django.models import Category, Product
from pandabase_django.services.sync.catalog import bury_variants, write_products
from pandabase_django.services.sync.paging import PAGE_SIZE
from pandabase_django.services.sync.rows import category_row
from pandabase_django.services.sync.sweep import SyncContext, bury, read_through
from pandabase_django.services.sync.upsert import upsert

__all__ = ["sync_products"]

# Up to here the whole list is read in every run: its ten pages cost little, and only a whole
# reading sees a product deleted while another one came back.
ROWS_READ_WHOLE = 1000


def sync_products(context: SyncContext) -> None:
    """Make the local products, variants and categories equal the remote's.

    Raises:
        MissingPermission: The token may not read products. Categories alone may be missing.
        PandabaseError: Whatever stopped the run; what was written so far stays and is right.
    """
    _sync_categories(context)
    if _full_pass_due(context) or not _read_newest_changes(context):
        _read_everything(context)


def _full_pass_due(context: SyncContext) -> bool:
    last = context.cursor.last_full_at
    if context.full or last is None or not context.cursor.checkpoint.get("settled"):
        return True
    interval = timedelta(seconds=conf.full_sweep_interval_seconds)
    return timezone.now() - last >= interval or _live(context).count() <= ROWS_READ_WHOLE


def _live(context: SyncContext) -> QuerySet[Product]:
    return Product.objects.filter(store=context.store, gone_at__isnull=True)


def _sync_categories(context: SyncContext) -> None:
    client = context.client

    def write(batch: list[schemas.Category], now: datetime) -> None:
        rows = [category_row(item, store_id=context.store.pk, now=now) for item in batch]
        for item in batch:
            context.recorder.warn(item.warnings)
        context.recorder.add(upsert(Category, rows, dry_run=context.dry_run))

    with context.recorder.step("categories: full pass") as entry:
        try:
            reading = read_through(
                context,
                fetch=lambda page: client.categories.list(
                    page=page, limit=PAGE_SIZE, sort_by="createdAt", sort_order="asc"
                ),
                write=write,
            )
        except MissingPermission as error:
            context.recorder.leave_out(f"Categories were left out: {error}")
            return
        entry["clean"] = reading.clean
        if not reading.clean:
            context.recorder.warn([f"Categories: {reading.why_unclean}"])
            return
        bury(
            context,
            model=Category,
            seen=reading.ids,
            get=client.categories.get,
            control=lambda: client.categories.list(page=1, limit=1),
            mourn=lambda ids, now: None,
        )


def _read_everything(context: SyncContext) -> None:
    client = context.client
    checkpoint = context.cursor.checkpoint
    before = frozenset(_live(context).values_list("pk", flat=True).iterator())
    with context.recorder.step("products: full pass") as entry:
        reading = read_through(
            context,
            fetch=lambda page: client.products.list(
                page=page, limit=PAGE_SIZE, sort_by="createdAt", sort_order="asc"
            ),
            write=partial(write_products, context),
        )
        entry["clean"] = reading.clean
        # Only a second look at the same set of products makes sure that none was shifted past
        # the first. Until then each run reads everything.
        checkpoint["settled"] = reading.clean and reading.ids == before
        if not reading.clean:
            context.recorder.warn([f"Products: {reading.why_unclean}"])
            return
        bury(
            context,
            model=Product,
            seen=reading.ids,
            get=client.products.get,
            control=lambda: client.products.list(page=1, limit=1),
            mourn=partial(bury_variants, context),
        )
        context.cursor.last_full_at = timezone.now()


def _read_newest_changes(context: SyncContext) -> bool:
    """Read by last change, newest first, until a whole page is known and the totals agree.

    Returns:
        False when only a full pass can tell the difference between here and there.
    """
    with context.recorder.step("products: newest changes"):
        number = 1
        while True:
            page = context.reader.one(
                lambda at=number: context.client.products.list(  # type: ignore[misc]
                    page=at, limit=PAGE_SIZE, sort_by="updatedAt", sort_order="desc"
                )
            )
            context.recorder.warn(page.warnings)
            with context.writing() as now:
                outcome = write_products(context, page.items, now)
            if not outcome.changes or number >= page.total_pages:
                break
            number += 1
        here = _live(context)
        in_doubt = here.filter(absences__gt=0).exists()
        return not in_doubt and here.count() == page.total
