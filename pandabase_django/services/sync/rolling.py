"""Reads the whole list of orders again, a few pages in each run.

Refunds, disputes and counts show what moves orders, but not an e-mail address that somebody
corrected years later. So the list is read round and round: two pages in each run, and as many as it
takes to come round within ``FULL_SWEEP_INTERVAL_SECONDS`` while something can't be watched or could
not be explained (*hurry*). That interval is then the bound on how late a change is seen.
"""

from __future__ import annotations

import math
from datetime import datetime

from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.services.sync.listing import save_checkpoint, write_page
from pandabase_django.services.sync.paging import PAGE_SIZE
from pandabase_django.services.sync.sweep import SyncContext

__all__ = ["hurry", "read_next_pages", "start_round"]

PAGES_PER_RUN = 2
PAGES_OF_THE_POLL = 2  # a list this short is read whole by every poll


def hurry(context: SyncContext) -> None:
    """Begin a round that comes to its end within the interval; does nothing in such a round."""
    if not context.cursor.checkpoint.get("hurry"):
        start_round(context, hurried=True)


def start_round(context: SyncContext, *, hurried: bool) -> None:
    """Begin at the first page."""
    context.cursor.checkpoint["hurry"] = hurried
    context.cursor.checkpoint["round"] = {"page": 0, "started": timezone.now().isoformat()}


def read_next_pages(context: SyncContext, *, hurried: bool) -> None:
    """Read the next pages of the round.

    Args:
        context: The run.
        hurried: Something can't be watched: this and the next rounds are quick ones.
    """
    checkpoint = context.cursor.checkpoint
    if "round" not in checkpoint:
        start_round(context, hurried=hurried)
    if hurried and not checkpoint.get("hurry"):
        checkpoint["hurry"] = True
    of = math.ceil(int(checkpoint.get("total", 0)) / PAGE_SIZE)
    at = int(checkpoint["round"]["page"])
    pages = _pages_due(at, of=of, started=checkpoint["round"]["started"], hurry=checkpoint["hurry"])
    if of > PAGES_OF_THE_POLL:
        with context.recorder.step("orders: rolling pass") as entry:
            entry.update(first_page=at + 1, pages=pages, of_pages=of, hurry=checkpoint["hurry"])
            at = _read(context, first=at + 1, pages=pages)
    else:
        at = of
    if at >= of:
        context.cursor.last_full_at = timezone.now()
        start_round(context, hurried=hurried)
    save_checkpoint(context)


def _pages_due(at: int, *, of: int, started: str, hurry: bool) -> int:
    if not hurry:
        return PAGES_PER_RUN
    elapsed = (timezone.now() - datetime.fromisoformat(started)).total_seconds()
    # One poll ahead, so that the round is at its end when its time is, not a poll later.
    share = (elapsed + conf.sync_interval_seconds) / conf.full_sweep_interval_seconds
    return max(PAGES_PER_RUN, math.ceil(of * min(1.0, share)) - at)


def _read(context: SyncContext, *, first: int, pages: int) -> int:
    """Read these pages; returns the last one that is done."""
    orders = context.client.orders.rows
    at = first - 1
    for count, page in enumerate(
        context.reader.pages(
            lambda number: orders.list(page=number, limit=PAGE_SIZE, sort="asc"),
            first=first,
            at_most=pages,
        ),
        start=1,
    ):
        write_page(context, page)
        context.recorder.progress(done=count * PAGE_SIZE, total=pages * PAGE_SIZE)
        at = page.page
        context.cursor.checkpoint["round"]["page"] = at
    return at
