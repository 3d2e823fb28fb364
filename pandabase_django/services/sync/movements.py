"""Finds settled orders that changed late by the lists that tell of money: refunds and disputes.

No list has an "updated since" filter (Source: P-20), but refunds and disputes have lists of their
own, newest first, that name their order (P-23). Reading them down to what is known already shows
every order they moved, however old it is. Ends are found by ids and not by times, so that neither
a wrong clock nor a date in the far future can end the watching.

A token that may read neither may still read the payout ledger, which knows both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any

from django.db.models import F

from pandabase_django.api import schemas
from pandabase_django.api.resources import Listing
from pandabase_django.api.schemas import Page
from pandabase_django.api.traffic import purpose
from pandabase_django.exceptions import MissingPermission
from pandabase_django.models import Order
from pandabase_django.models.lookups import Among
from pandabase_django.services.sync.listing import mark_due, save_checkpoint
from pandabase_django.services.sync.paging import PAGE_SIZE
from pandabase_django.services.sync.rolling import hurry
from pandabase_django.services.sync.sweep import SyncContext

__all__ = ["Asked", "ask", "cannot_watch", "mark_moved_orders", "start_watching"]

KINDS = ("refunds", "disputes")
LEDGER = "ledger"
REMEMBERED = 200  # newest ids of a list; two pages, for those that become visible late

# What may still come to another end, by the remote's own filters (P-23, P-28).
UNDECIDED: dict[str, tuple[str, ...]] = {
    "refunds": ("PROCESSING",),
    "disputes": ("AWAITING_REVIEW", "UNDER_REVIEW"),
}
# New orders bring payments and are found by their own list.
LEDGER_NOISE = frozenset({"OPENING_BALANCE", "PAYMENT_RECEIVED", "PAYOUT"})


@dataclass(frozen=True, slots=True)
class Asked:
    """Requests for one list that are under way.

    Attributes:
        newest: Gives the first page.
        undecided: Pages of what was undecided at the last look; None when nothing was.
    """

    newest: Callable[[], Page[Any]]
    undecided: Iterator[Page[Any]] | None


def start_watching(context: SyncContext) -> None:
    """Note where the lists of refunds and disputes end now, before any order is read.

    A list that opens only now, after a first sync, may hide changes of the time before: then
    every order is read again soon.
    """
    checkpoint = context.cursor.checkpoint
    if not cannot_watch(context) and LEDGER not in checkpoint:
        return
    with context.recorder.step("orders: begin to watch"):
        for kind in KINDS:
            if kind not in checkpoint:
                _start(context, kind)
                if kind in checkpoint and not context.first:
                    hurry(context)
        if not cannot_watch(context):
            checkpoint.pop(LEDGER, None)
        elif LEDGER not in checkpoint:
            _start(context, LEDGER)
        save_checkpoint(context)


def cannot_watch(context: SyncContext) -> bool:
    """Whether refunds or disputes are closed to this token."""
    return any(kind not in context.cursor.checkpoint for kind in KINDS)


def ask(context: SyncContext) -> dict[str, Asked]:
    """Send what every look begins with, for all lists at once."""
    asked = {}
    for kind in (*KINDS, LEDGER):
        state = context.cursor.checkpoint.get(kind)
        if state is None:
            continue
        with purpose(_strategy(kind)):
            asked[kind] = Asked(
                newest=context.reader.ahead(partial(_fetch, context, kind, 1)),
                undecided=_ask_undecided(context, kind) if state.get("undecided") else None,
            )
    return asked


def mark_moved_orders(context: SyncContext, asked: dict[str, Asked]) -> None:
    """Mark the orders due that refunds, disputes or the ledger tell of since the last run."""
    for kind, answers in asked.items():
        with context.recorder.step(_strategy(kind)):
            try:
                found, after = _look(context, kind, answers)
            except MissingPermission as error:
                context.cursor.checkpoint.pop(kind)
                context.recorder.warn([f"{kind.title()} can't be watched: {error}"])
                hurry(context)
                save_checkpoint(context)
                continue
            mark_due(context, found)
            # Only now: whoever is killed before looks at the same entries again.
            context.cursor.checkpoint[kind] = after
            save_checkpoint(context)


def _start(context: SyncContext, kind: str) -> None:
    try:
        page = _page(context, kind, 1)
        if _oldest_first(page.items) and page.total_pages > 1:
            page = _page(context, kind, page.total_pages)
        undecided = _orders_by_id(_ask_undecided(context, kind))
    except MissingPermission as error:
        context.recorder.warn([f"{kind.title()} can't be watched: {error}"])
        return
    context.cursor.checkpoint[kind] = {
        "recent": {item.id: _state(item) for item in page.items},
        "undecided": undecided,
    }


def _look(context: SyncContext, kind: str, asked: Asked) -> tuple[set[str], dict[str, Any]]:
    """The orders that moved, and what to remember instead of the checkpoint's state."""
    state = context.cursor.checkpoint[kind]
    recent: dict[str, str] = state["recent"]
    items = list(_newest(context, kind, asked.newest(), known=recent))
    fresh = [item for item in items if recent.get(item.id) != _state(item)]
    open_now = {
        item.id: item.order_id or ""
        for item in fresh
        if isinstance(item, schemas.Refund | schemas.Dispute)
        and item.status in UNDECIDED.get(kind, ())
    }
    waiting = {**state.get("undecided", {}), **open_now}
    undecided: dict[str, str] = {}
    if waiting:
        undecided = _orders_by_id(asked.undecided or _ask_undecided(context, kind))
    moved = {order for pk, order in waiting.items() if pk not in undecided}
    if kind == LEDGER:
        moved |= _orders_of_payments(context, fresh)
    else:
        moved |= {item.order_id or "" for item in fresh}
    remembered = {item.id: _state(item) for item in items}
    for pk, status in recent.items():
        remembered.setdefault(pk, status)
    newest = dict(list(remembered.items())[:REMEMBERED])
    # Both answers may be of different moments: what one of them shows as open is looked for again.
    return moved - {""}, {"recent": newest, "undecided": {**open_now, **undecided}}


def _newest(
    context: SyncContext, kind: str, page: Page[Any], *, known: dict[str, str]
) -> Iterator[Any]:
    """Entries from the newest on, to the end of the page on which a known one stands."""
    numbers = iter(range(2, page.total_pages + 1))
    if _oldest_first(page.items) and page.total_pages > 1:
        numbers = iter(range(page.total_pages - 1, 0, -1))
        page = _page(context, kind, page.total_pages)
    while True:
        yield from page.items
        number = next(numbers, None)
        if number is None or any(item.id in known for item in page.items):
            return
        page = _page(context, kind, number)


def _ask_undecided(context: SyncContext, kind: str) -> Iterator[Page[Any]]:
    """Ask for the entries that may still come to another end.

    One status after the other, in the order in which entries pass through them: asked for together,
    one that moves on meanwhile could stand in neither answer.
    """
    if kind not in UNDECIDED:
        return iter(())
    begun, *later = (partial(_fetch, context, kind, status=status) for status in UNDECIDED[kind])
    first = context.reader.pages(begun)
    return chain(first, (page for fetch in later for page in context.reader.pages(fetch)))


def _orders_by_id(pages: Iterator[Page[Any]]) -> dict[str, str]:
    return {item.id: item.order_id or "" for page in pages for item in page.items}


def _orders_of_payments(context: SyncContext, entries: Sequence[schemas.LedgerEntry]) -> set[str]:
    named = {
        entry.reference_id
        for entry in entries
        if entry.reference_id and entry.type not in LEDGER_NOISE
    }
    if not named:
        return set()
    orders = Order.objects.filter(store=context.store)
    by_payment = orders.filter(Among(F("payment_id"), named)).values_list("pk", flat=True)
    return {*by_payment, *orders.filter(Among(F("pk"), named)).values_list("pk", flat=True)}


def _strategy(kind: str) -> str:
    return f"orders: new {kind}" if kind != LEDGER else "orders: ledger"


def _oldest_first(items: Sequence[Any]) -> bool:
    times: list[datetime] = [item.created_at for item in items if item.created_at]
    return len(times) > 1 and times[0] < times[-1]


def _state(item: Any) -> str:
    return getattr(item, "status", None) or ""


def _page(context: SyncContext, kind: str, number: int) -> Page[Any]:
    return context.reader.one(partial(_fetch, context, kind, number))


def _fetch(context: SyncContext, kind: str, number: int, **filters: str) -> Page[Any]:
    client = context.client
    if kind == LEDGER:
        return client.ledger.list(page=number, limit=PAGE_SIZE)  # it can't be sorted
    listing: Listing[Any] = client.refunds if kind == "refunds" else client.disputes
    return listing.list(page=number, limit=PAGE_SIZE, sort="desc", **filters)
