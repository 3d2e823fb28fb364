"""Orders: new ones, what changed late, details, and orders that vanished.

The list is only ever appended to, so a sync reads its end. An order is never deleted (Source: P-22,
assumed: a falling total is shown to a person), and its place in the ascending list never moves.
What changed late is found by refunds and disputes, by counts, and by reading all again in turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from django.db.models import Q
from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.api.listing import Lists
from pandabase_django.models import Order
from pandabase_django.services.sync.mirror.resource import Resource
from pandabase_django.services.sync.orders.comparison import compare_customers, why_due
from pandabase_django.services.sync.orders.details.fetching import (
    REREAD_AT_ONCE,
    Fetched,
    fetch_details,
    oldest_details,
    orders_due,
    orders_unread,
    wanted_in_pages,
)
from pandabase_django.services.sync.orders.details.helpers import helpers_for, read_together
from pandabase_django.services.sync.orders.late_changes import LateChanges
from pandabase_django.services.sync.orders.pages import mark_due, write_batch, write_page
from pandabase_django.services.sync.orders.vanished import mark_vanished
from pandabase_django.services.sync.readings.append import Append, End
from pandabase_django.services.sync.readings.counts import Counts, StatusCounts
from pandabase_django.services.sync.readings.rolling import Rolling, start_round
from pandabase_django.services.sync.readings.unseen import CUT_ELSEWHERE
from pandabase_django.services.sync.run.checkpoints import Checkpoint
from pandabase_django.services.sync.run.context import RunContext

__all__ = ["ORDERS", "ORDER_STATUSES"]

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
PAGES_OF_THE_POLL = 2  # a list this short is read whole by every poll
# Nothing promises when a change that details alone show is seen. With twenty each ten minutes a
# store of 720 orders needs as long for a round; one of fewer orders asks no more often.
ROUND_AT_LEAST = timedelta(hours=6)
TRIED_AT_ONCE = 50  # of the orders that could not be read


@dataclass(slots=True)
class Turn(Checkpoint):
    """The order whose details were the last ones to be read again in turn.

    Attributes:
        at: When its details had been read; None begins.
        id: Its id.
        began: When the round began; None before the first one.
    """

    reading: ClassVar[str] = "details"
    at: datetime | None = None
    id: str = ""
    began: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOfOrders:
    """The list, late changes, details and orders that vanished.

    Attributes:
        new: Reads the end of the list.
        counts: Finds orders that came to another status.
        again: Reads the whole list again in turn.
    """

    new: Append
    counts: Counts
    again: Rolling

    @property
    def parts(self) -> tuple[Append, Counts, Rolling]:
        """What it is made of."""
        return self.new, self.counts, self.again

    def read(self, context: RunContext, resource: Resource[Any]) -> None:
        """Make the local orders, line items and customers equal the remote's.

        The run ends in part when details of orders could not be read, now or in earlier runs; such
        orders stay dirty.
        """
        late = LateChanges(context, resource)
        late.begin()
        everything = self.new.read(context, resource)
        if everything:
            start_round(context, resource, hurried=late.cannot_watch)
            if context.dry_run:
                return  # every row of the list was compared; nothing else could be found
        counts, details = StatusCounts(context, resource, self.counts), _Details(context)
        # Asked together: one after another they would wait for half a dozen answers.
        late.ask()
        counts.ask_for_open()
        late.read()
        counts.read_open()
        if not everything:
            pages = context.checkpoints.of(resource.name, End).pages
            self.again.read(context, resource, hurried=late.cannot_watch, of=pages)
        details.read_due()
        counts.reconcile(after_each=details.read_due)
        if not everything:
            details.read_oldest()
        mark_vanished(context, details.missing)
        if not context.dry_run and orders_unread(context.store.pk).exists():
            context.recorder.in_part = True


class _Details:
    """The details that one run reads.

    Attributes:
        missing: Orders whose details answered 404.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._store_id = context.store.pk
        self.missing: frozenset[str] = frozenset()

    def read_due(self) -> None:
        """Read the details that are due, with helpers if they are many."""
        context, run = self._context, self._context.recorder.run
        untried = orders_unread(self._store_id, before=run.started_at)
        due = orders_due(self._store_id).count()
        again = untried.count()
        if context.dry_run or not due + again:
            return
        with context.recorder.step("orders: details") as entry:
            context.recorder.progress(done=0, total=due + again)
            helpers = helpers_for(due)
            if context.call_for_help and helpers:
                call = partial(context.call_for_help, run.pk, helpers)
                together = read_together(context, call_for_help=call)
                self._note(together.fetched)
                entry["helpers"] = together.helpers
            # With helpers: what one that died was given.
            self._note(fetch_details(context, wanted_in_pages(orders_due(self._store_id))))
            # The longest untried first, as long as some of them can be read.
            for _ in range(0, again, TRIED_AT_ONCE):
                longest = untried.order_by("unread_at", "pk").values_list("pk", "dirty_mark")
                wanted = list(longest[:TRIED_AT_ONCE])
                if self._note(fetch_details(context, wanted)) == len(wanted):
                    break

    def read_oldest(self) -> None:
        """Read the details again that were read longest ago, whatever became of their orders."""
        context, now = self._context, timezone.now()
        if context.dry_run:
            return
        turn = context.checkpoints.of("orders", Turn)
        turn.began = turn.began or now
        after, started = (turn.at, turn.id) if turn.at else None, context.recorder.run.started_at
        # What was just read is read once more by the next poll: a replica may have answered late.
        places = oldest_details(self._store_id, after=after, before=started)
        if len(places) < REREAD_AT_ONCE and not timedelta() <= now - turn.began < ROUND_AT_LEAST:
            # From the beginning again: new orders must not hold the turn at its end.
            turn.began = now
            met = {pk for pk, _, _ in places}
            oldest = oldest_details(self._store_id, before=started)
            oldest = [place for place in oldest if place[0] not in met]
            places += oldest[: REREAD_AT_ONCE - len(places)]
        if not places:
            return
        with context.recorder.step("orders: oldest details"):
            context.recorder.progress(done=0, total=len(places))
            self._note(fetch_details(context, [(pk, mark) for pk, mark, _ in places]))
            turn.id, _, turn.at = places[-1]
            context.save_checkpoints()

    def _note(self, fetched: Fetched) -> int:
        self.missing |= fetched.missing
        return fetched.unread


ORDERS: Resource[schemas.OrderRow] = Resource(
    name="orders",
    model=Order,
    listing=lambda client: client.orders.rows,
    permission="ORDERS_READ",
    readings=[
        AllOfOrders(
            new=Append(
                others=(
                    *({"sort": "desc", "status": status} for status in ORDER_STATUSES),
                    *(
                        {"limit": n, "sort": sort}
                        for n in CUT_ELSEWHERE
                        for sort in ("desc", "asc")
                    ),
                ),
                prepare=lambda row: (row.digests, row.summary),
            ),
            counts=Counts(
                statuses=ORDER_STATUSES,
                open_statuses=("PENDING", "PROCESSING"),
                settled=Q(dirty=False),
            ),
            again=Rolling(read_anyway=PAGES_OF_THE_POLL),
        )
    ],
    # Read whole, so that unreadable ones are named.
    audited=lambda client: Lists(
        client, "orders_list", "order_get", schemas.OrderSummary.from_json
    ),
    compare=compare_customers,
    due=why_due,
    digest_column="list_digest",
    write=write_batch,
    take_page=write_page,
    read_again=mark_due,
    goes_on=True,
)
