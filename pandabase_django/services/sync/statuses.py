"""Finds orders that changed late by their status: unsettled ones, and counts that differ.

Unsettled orders are read in every run, the newest thousand of each status. What is missed all the
same shows in the number of orders per status, which a few one-row requests tell. A status that
differs is read, newest first, until as many orders are found as it differs by; moving them settles
the counts of the others. Counts can agree while rows differ: they are a net under the rest and
prove little alone.

A difference that reading does not change (an order that another store's row stands for) is
remembered, so that it is not looked for in every run. When it is still the same in the next run, a
person is told; a shop that sells while it is counted differs by another number each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Q

from pandabase_django.api import schemas
from pandabase_django.api.schemas import Page
from pandabase_django.api.traffic import purpose
from pandabase_django.exceptions import InvalidRequest
from pandabase_django.models import Order
from pandabase_django.services.sync.listing import (
    live_orders,
    mark_due,
    save_checkpoint,
    write_page,
)
from pandabase_django.services.sync.paging import PAGE_SIZE
from pandabase_django.services.sync.rolling import hurry
from pandabase_django.services.sync.sweep import SyncContext

__all__ = [
    "ORDER_STATUSES",
    "OTHER",
    "Counted",
    "ask_for_unsettled",
    "count_here",
    "count_there",
    "read_unsettled",
    "reconcile",
]

Pages = Iterator[Page[schemas.OrderRow]]

# P-27. The remote filters by these alone; any other status is counted as the rest.
ORDER_STATUSES = (
    "PENDING",
    "PROCESSING",
    "FAILED",
    "CANCELLED",
    "CHARGEBACK",
    "REFUNDED",
    "COMPLETED",
)
OPEN_ORDERS = ("PENDING", "PROCESSING")
OTHER = "OTHER"
UNSETTLED = "orders: unsettled ones"
UNSETTLED_PAGES = 10  # of each open status, in each run
RECONCILED_PAGES = 200  # of all statuses together, in each run
OTHERS_PER_RUN = 500


def ask_for_unsettled(context: SyncContext) -> dict[str, Pages]:
    """Send what ``read_unsettled`` begins with."""
    with purpose(UNSETTLED):
        return {s: _newest(context, s, at_most=UNSETTLED_PAGES) for s in OPEN_ORDERS}


def read_unsettled(context: SyncContext, asked: dict[str, Pages]) -> None:
    """Read the newest unsettled orders; local ones that are no longer among them are due."""
    with context.recorder.step(UNSETTLED):
        for status, pages in asked.items():
            _read(context, status, pages, enough=lambda finding: False)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many orders the remote has.

    Attributes:
        by_status: Of each status that it counts; ``OTHER`` is what the total has beyond them, and
            is left out unless all were counted.
        refused: The statuses that it refuses to count.
        total: Of all statuses; None when it refuses that too.
    """

    by_status: dict[str, int]
    refused: tuple[str, ...]
    total: int | None


def count_there(context: SyncContext) -> Counted:
    """Count the orders of each status at the remote, by requests of one row each."""
    answers = dict(
        context.reader.each(lambda status: _count(context, status), (*ORDER_STATUSES, OTHER))
    )
    total = answers.pop(OTHER)
    refused = tuple(status for status, count in answers.items() if count is None)
    by_status = {status: count for status, count in answers.items() if count is not None}
    if total is not None and not refused:
        by_status[OTHER] = total - sum(by_status.values())
    return Counted(by_status=by_status, refused=refused, total=total)


def count_here(context: SyncContext) -> dict[str, int]:
    """Orders of each status in the local table, tombstones left out."""
    found = dict.fromkeys((*ORDER_STATUSES, OTHER), 0)
    rows = Order.objects.filter(store=context.store).order_by()
    # Counted apart: both numbers come from indexes alone, however many orders there are.
    for sign, counted in ((1, rows), (-1, rows.filter(gone_at__isnull=False))):
        for status, count in counted.values_list("status").annotate(Count("pk")):
            found[status if status in ORDER_STATUSES else OTHER] += sign * count
    return found


def reconcile(context: SyncContext, *, read_details: Callable[[], None]) -> None:
    """Compare the counts, read the statuses that differ, and the details they lead to."""
    with context.recorder.step("orders: counts per status") as entry:
        there = count_there(context).by_status
        differing = _without_known(context, _differences(context, there))
        entry["differing"] = differing
    if context.dry_run:
        return  # the new orders are not here to be counted
    budget = RECONCILED_PAGES
    left, tried = dict(differing), set[str]()
    while budget > 0 and left:
        # Small ones first: what they lead to often settles the large ones unread.
        status = min(left, key=lambda name: (there[name], name))
        tried.add(status)
        with context.recorder.step(f"orders: status {status}"):
            budget -= _settle(context, status, by=left[status], budget=budget)
        read_details()
        now = _differences(context, there)
        left = {name: now[name] for name in differing if name in now and name not in tried}
    if tried:
        # Counted anew: the shop went on selling meanwhile.
        rest = _differences(context, count_there(context).by_status)
        same = {name: by for name, by in rest.items() if differing.get(name) == by}
        context.cursor.checkpoint["unexplained"].update(same)
        save_checkpoint(context)


def _settle(context: SyncContext, status: str, *, by: int, budget: int) -> int:
    """Read a status that differs. Returns the number of pages that were read."""
    if status == OTHER:
        rows = live_orders(context).exclude(status__in=ORDER_STATUSES).filter(dirty=False)
        oldest = rows.order_by("synced_at").values_list("pk", flat=True)
        mark_due(context, set(oldest[:OTHERS_PER_RUN]))
        return 0
    return _read(
        context,
        status,
        _newest(context, status, at_most=budget),
        enough=lambda finding: (finding.came if by > 0 else finding.left) >= abs(by) > 0,
    )


@dataclass(slots=True)
class _Finding:
    """How many orders turned out to have come to a status, and to have left it."""

    came: int = 0
    left: int = 0
    above: datetime | None = None
    edge: set[str] = field(default_factory=set)


def _newest(context: SyncContext, status: str, *, at_most: int) -> Pages:
    """Orders of one status, from the newest on."""
    orders = context.client.orders.rows
    return context.reader.pages(
        lambda number: orders.list(page=number, limit=PAGE_SIZE, sort="desc", status=status),
        at_most=at_most,
    )


def _read(
    context: SyncContext, status: str, asked: Pages, *, enough: Callable[[_Finding], bool]
) -> int:
    """Compare pages of the newest orders of one status with what stands here.

    Between the oldest order of a page and that of the page before, the local orders of this
    status must be those that are listed; the others left it and are due.

    Returns:
        The number of pages that were read.
    """
    finding = _Finding()
    pages = 0
    for page in asked:
        pages += 1
        finding.came += write_page(context, page)
        finding.left += _mark_unlisted(context, status, page, finding)
        if enough(finding):
            break
    return pages


def _mark_unlisted(
    context: SyncContext, status: str, page: Page[schemas.OrderRow], finding: _Finding
) -> int:
    listed = {item.id for item in page.items}
    times = [item.created_at for item in page.items if item.created_at]
    below = min(times, default=None)
    here = live_orders(context).filter(status=status, dirty=False)
    if page.page < page.total_pages:
        if below is None:
            return 0
        # An order as old as the page's oldest may stand on the next one.
        here = here.filter(created_at__gt=below)
    if finding.above is not None:
        here = here.filter(Q(created_at__lte=finding.above) | Q(created_at__isnull=True))
    gone = set(here.values_list("pk", flat=True)) - listed - finding.edge
    finding.above, finding.edge = below or finding.above, listed
    mark_due(context, gone)
    return len(gone)


def _differences(context: SyncContext, there: dict[str, int]) -> dict[str, int]:
    """Remote less local, by status, where that is not 0."""
    here = count_here(context)
    return {name: count - here[name] for name, count in there.items() if count != here[name]}


def _without_known(context: SyncContext, differences: dict[str, int]) -> dict[str, int]:
    """Leave out what reading could not change last time; tell a person once that it stays."""
    checkpoint = context.cursor.checkpoint
    before: dict[str, int] = checkpoint.get("unexplained", {})
    known = {name: by for name, by in before.items() if differences.get(name) == by}
    checkpoint["unexplained"] = known
    if known and known != checkpoint.get("told"):
        named = ", ".join(f"{name} {by:+d}" for name, by in sorted(known.items()))
        context.recorder.attend(
            f"The remote counts other numbers of orders than stand here ({named}), and reading "
            "did not tell why. The whole list is read again soon."
        )
        hurry(context)
    checkpoint["told"] = dict(known)
    save_checkpoint(context)
    return {name: by for name, by in differences.items() if name not in known}


def _count(context: SyncContext, status: str) -> int | None:
    query = {} if status == OTHER else {"status": status}
    try:
        return context.client.orders.list(page=1, limit=1, **query).total
    except InvalidRequest:
        return None
