"""Products, variants and categories: everything once a day, the newest changes in between.

The newest changes are read until a page shows nothing but what the last complete reading had found
here already. That is told by two times of our own, as the remote may show none (P-20): when a row
was written, and the *frontier*, when the last complete reading began. Every change before it is
known. What a reading writes is dated after its own beginning, so one that broke off makes nothing
look known, and what it wrote is looked behind once more by the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from django.db.models import F, QuerySet
from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.api.schemas import Page
from pandabase_django.conf import conf
from pandabase_django.models import Product
from pandabase_django.models.lookups import Among
from pandabase_django.services.sync.catalog import bury_variants, write_products
from pandabase_django.services.sync.categories import sync_categories
from pandabase_django.services.sync.paging import PAGE_SIZE
from pandabase_django.services.sync.sweep import SyncContext, bury, read_through

__all__ = ["sync_products"]

PASSES_AT_MOST = 2  # of one run


def sync_products(context: SyncContext) -> None:
    """Make the local products, variants and categories equal the remote's.

    Raises:
        MissingPermission: The token may not read products. Categories alone may be missing.
        PandabaseError: Whatever stopped the run; what was written so far stays and is right.
    """
    sync_categories(context, on_shown_change=partial(_forget_frontier, context))
    frontier = None if _full_pass_due(context) else _frontier(context)
    if frontier is not None and _read_newest_changes(context, frontier):
        return
    began = _read_everything(context)
    if began is not None and _is_large(context):
        # What was edited behind the pass. Whatever else moved meanwhile is left to the next run.
        _read_newest_changes(context, began)


def _full_pass_due(context: SyncContext) -> bool:
    last = context.cursor.last_full_at
    if context.full or last is None or not _is_large(context):
        return True
    return timezone.now() - last >= timedelta(seconds=conf.full_sweep_interval_seconds)


def _is_large(context: SyncContext) -> bool:
    """Too large to be read whole in every run.

    Ten pages cost little, and only a whole reading sees a product deleted while another came back.
    """
    return _live(context).count() > conf.products_read_whole


def _live(context: SyncContext) -> QuerySet[Product]:
    return Product.objects.filter(store=context.store, gone_at__isnull=True)


def _read_everything(context: SyncContext) -> datetime | None:
    """Read every page, and again at once when that alone may make two looks agree.

    A shop that adds a product in most intervals would never see two runs agree. A second pass that
    follows the first one lets in only what happens during a pass.

    Returns:
        When the last pass began, if every change before that is known now. Only a second look at
        the same set of products makes sure that none was shifted past the first.
    """
    for _ in range(PASSES_AT_MOST):
        known, began = _ids_here(context), _beginning(context)
        listed = _full_pass(context, known, began)
        if listed == known:
            return began
        if listed != _ids_here(context) or not _is_large(context):
            break
    return None


def _full_pass(
    context: SyncContext, known: frozenset[str], began: datetime
) -> frozenset[str] | None:
    """Read every page, and bury what is proved to be gone.

    Args:
        context: The run.
        known: The products that stood here when it began.
        began: When it began; with a pass that found the same ones, this becomes the frontier.

    Returns:
        The store's products that it read; None if the list moved meanwhile.
    """
    client = context.client
    listed = None
    with context.recorder.step("products: full pass") as entry:
        reading = read_through(
            context,
            fetch=lambda page: client.products.list(
                page=page, limit=PAGE_SIZE, sort_by="createdAt", sort_order="asc"
            ),
            write=lambda batch, now: write_products(context, batch, max(now, began)),
        )
        entry["clean"] = reading.clean
        if reading.clean:
            bury(
                context,
                model=Product,
                reading=reading,
                get=client.products.get,
                control=lambda: client.products.list(page=1, limit=1),
                mourn=partial(bury_variants, context),
            )
            context.cursor.last_full_at = timezone.now()
            listed = reading.ids - _of_other_stores(context, reading.ids - known)
        else:
            context.recorder.warn([f"Products: {reading.why_unclean}"])
        if listed == known:
            _set_frontier(context, began, left_out=reading.total - len(known))
        else:
            _set_frontier(context, None)
        with context.writing():
            context.keep_checkpoint()
    return listed


def _ids_here(context: SyncContext) -> frozenset[str]:
    return frozenset(_live(context).values_list("pk", flat=True).iterator())


def _of_other_stores(context: SyncContext, ids: frozenset[str]) -> frozenset[str]:
    """Those of these ids that stand here under another store; they are left there."""
    rows = Product.objects.filter(Among(F("pk"), ids)).exclude(store=context.store)
    return frozenset(rows.values_list("pk", flat=True))


def _read_newest_changes(context: SyncContext, frontier: datetime) -> bool:
    """Read by last change, newest first, until a whole page was known before the frontier.

    Returns:
        False when only a full pass can tell the difference between here and there.
    """
    began = _beginning(context)
    totals: set[int] = set()
    with context.recorder.step("products: newest changes"):
        for page in _newest_pages(context):
            context.recorder.warn(page.warnings)
            totals.add(page.total)
            with context.writing() as now:
                outcome = write_products(context, page.items, max(now, began))
            if not outcome.changes and not _holds_later_rows(context, page, frontier):
                break
        here = _live(context)
        if totals != {here.count() + _left_out(context)} or here.filter(absences__gt=0).exists():
            return False
        _set_frontier(context, began, left_out=_left_out(context))
        return True


def _newest_pages(context: SyncContext) -> Iterator[Page[schemas.Product]]:
    """One by one, as most often the first is enough."""
    number, last = 0, 1
    while number < last:
        number += 1
        (page,) = context.reader.pages(
            lambda at: context.client.products.list(
                page=at, limit=PAGE_SIZE, sort_by="updatedAt", sort_order="desc"
            ),
            first=number,
            at_most=1,
        )
        last = page.total_pages
        yield page


def _holds_later_rows(
    context: SyncContext, page: Page[schemas.Product], frontier: datetime
) -> bool:
    """Some of the page was written since the last complete reading began."""
    rows = Product.objects.filter(Among(F("pk"), [item.id for item in page.items]))
    return rows.filter(store=context.store, synced_at__gte=frontier).exists()


def _beginning(context: SyncContext) -> datetime:
    """Now, or the frontier if another worker's clock put it ahead of ours."""
    now = timezone.now()
    return max(now, _frontier(context) or now)


def _frontier(context: SyncContext) -> datetime | None:
    text = context.cursor.checkpoint.get("frontier")
    return datetime.fromisoformat(text) if text else None


def _left_out(context: SyncContext) -> int:
    """How many the remote counted and the last complete pass could not keep here.

    They are unreadable, or another store's; no later total is without them.
    """
    return int(context.cursor.checkpoint.get("left_out", 0))


def _set_frontier(context: SyncContext, at: datetime | None, *, left_out: int = 0) -> None:
    context.cursor.checkpoint = {"frontier": at.isoformat(), "left_out": left_out} if at else {}


def _forget_frontier(context: SyncContext) -> None:
    """Make a full pass due, whatever becomes of this run; inside ``context.writing()``."""
    _set_frontier(context, None)
    context.keep_checkpoint()
