"""Orders: the list is only ever appended to, so a sync reads its end, then what changed late.

An order is never deleted (Source: P-22, assumed: a falling total is told to a person), and its
place in the ascending list never moves. So the pages before the checkpoint hold nothing new.
They may hold orders that changed since; ``movements``, ``statuses`` and ``rolling`` find those
without reading all of them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.api.schemas import Page
from pandabase_django.models import Order
from pandabase_django.services.sync import movements, rolling, statuses, vanished
from pandabase_django.services.sync.fetching import (
    Wanted,
    fetch_details,
    orders_due,
    orders_unread,
    wanted_in_pages,
)
from pandabase_django.services.sync.listing import write_batch
from pandabase_django.services.sync.paging import PAGE_SIZE, batches
from pandabase_django.services.sync.sharing import helpers_for, read_together
from pandabase_django.services.sync.sweep import PAGES_PER_TRANSACTION, SyncContext

__all__ = ["sync_orders"]

TRIED_AT_ONCE = 50  # of the orders that could not be read


def sync_orders(context: SyncContext) -> int:
    """Make the local orders, line items and customers equal the remote's.

    Returns:
        How many orders' details could not be read, now or in earlier runs; they stay dirty.

    Raises:
        MissingPermission: The token may not read orders.
        PandabaseError: Whatever stopped the run; what was written so far stays and is right.
    """
    cursor = context.cursor
    movements.start_watching(context)
    everything = context.full or cursor.last_full_at is None
    if everything:
        # Only a first pass goes on where it was stopped: a later one is asked for in order to see
        # every page.
        first = int(cursor.checkpoint.get("full_page", 1)) if cursor.last_full_at is None else 1
        with context.recorder.step("orders: full pass"):
            _read_list(context, first=first)
        cursor.checkpoint.pop("full_page", None)
        cursor.last_full_at = timezone.now()
        rolling.start_round(context, hurried=movements.cannot_watch(context))
    else:
        with context.recorder.step("orders: new ones"):
            # One page back: ties in creation time, and rows that became visible late.
            _read_list(context, first=max(1, int(cursor.checkpoint.get("page", 1)) - 1))
    if everything and context.dry_run:
        return 0  # every row of the list was compared; nothing else could be told
    missing: set[str] = set()
    # Asked together: one after another they would wait for half a dozen answers.
    moved, unsettled = movements.ask(context), statuses.ask_for_unsettled(context)
    movements.mark_moved_orders(context, moved)
    statuses.read_unsettled(context, unsettled)
    if not everything:
        rolling.read_next_pages(context, hurried=movements.cannot_watch(context))
    _read_details(context, missing)
    statuses.reconcile(context, read_details=lambda: _read_details(context, missing))
    vanished.bury_orders(context, missing)
    return 0 if context.dry_run else orders_unread(context.store.pk).count()


def _read_list(context: SyncContext, *, first: int) -> None:
    def note(page: Page[schemas.OrderRow]) -> Page[schemas.OrderRow]:
        _watch_total(context, page)
        context.recorder.warn(page.warnings)
        context.recorder.progress(
            done=(page.page - 1) * PAGE_SIZE + page.received, total=page.total
        )
        return page

    for pages in batches(map(note, _pages(context, first=first)), PAGES_PER_TRANSACTION):
        _write_batch(context, pages)
    # The end may lie before the checkpoint: then orders vanished.
    context.cursor.checkpoint["page"] = pages[-1].page


def _pages(context: SyncContext, *, first: int) -> Iterator[Page[schemas.OrderRow]]:
    """Pages from ``first`` on, or from further back when that one does not join what is here.

    A list that lost rows, or whose pages became longer, has its end on an earlier page than the
    checkpoint says.
    """
    back = 1
    while True:
        pages = context.reader.pages(partial(_fetch, context), first=first)
        page = next(pages)
        if first == 1 or _joins(page):
            break
        first = max(1, min(first, page.total_pages + 1) - back)
        back *= 2
    yield page
    yield from pages


def _fetch(context: SyncContext, number: int) -> Page[schemas.OrderRow]:
    page = context.client.orders.rows.list(page=number, limit=PAGE_SIZE, sort="asc")
    if context.cursor.last_full_at is None:
        # All of them are new: read here, while the writer waits for the database.
        for row in page.items:
            _ = row.digest, row.summary
    return page


def _joins(page: Page[schemas.OrderRow]) -> bool:
    return bool(page.items) and Order.objects.filter(pk=page.items[0].id).exists()


def _watch_total(context: SyncContext, page: Page[schemas.OrderRow]) -> None:
    checkpoint = context.cursor.checkpoint
    before = int(checkpoint.get("total", 0))
    if page.total < before:
        context.recorder.attend(
            f"The remote counts {page.total} orders, {before} at an earlier sync. "
            "Orders are not supposed to vanish."
        )
    checkpoint["total"] = page.total


def _write_batch(context: SyncContext, pages: Sequence[Page[schemas.OrderRow]]) -> None:
    with context.writing() as now:
        write_batch(context, [row for page in pages for row in page.items], now)
        checkpoint = context.cursor.checkpoint
        last = pages[-1].page
        checkpoint["page"] = max(last, int(checkpoint.get("page", 1)))
        if context.cursor.last_full_at is None:
            checkpoint["full_page"] = last
        context.keep_checkpoint()


def _read_details(context: SyncContext, missing: set[str]) -> None:
    store_id, run = context.store.pk, context.recorder.run
    untried = orders_unread(store_id, before=run.started_at)
    due = orders_due(store_id).count()
    again = untried.count()
    if context.dry_run or not due + again:
        return

    def read(wanted: Iterable[Wanted], guard: Callable[[], None] = context.keep_lease) -> int:
        return fetch_details(
            wanted,
            client=context.client,
            reader=context.reader,
            recorder=context.recorder,
            store_id=store_id,
            silent=context.first,
            guard=guard,
            missing=missing,
            shown=context.shown,
        )

    with context.recorder.step("orders: details") as entry:
        context.recorder.progress(done=0, total=due + again)
        helpers = helpers_for(due)
        if context.call_for_help and helpers:
            entry["helpers"] = read_together(
                context.recorder,
                read=read,
                call_for_help=partial(context.call_for_help, run.pk, helpers),
                guard=context.keep_lease,
                missing=missing,
            )
        # With helpers: what one that died was given.
        read(wanted_in_pages(orders_due(store_id)))
        # The longest untried first, as long as some of them can be read.
        for _ in range(0, again, TRIED_AT_ONCE):
            longest = untried.order_by("unread_at", "pk").values_list("pk", "dirty_mark")
            wanted = list(longest[:TRIED_AT_ONCE])
            if read(wanted) == len(wanted):
                break
