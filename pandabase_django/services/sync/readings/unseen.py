"""Rows that a list counts and that no page shows.

Rows of one moment may have no order of their own: then pages overlap, and some rows are on none of
them. So a list that showed fewer rows than it counts is read in other orders too, until all were
seen. A total that stays wrong would cost that in every run; so what was done in vain is done again
after an hour, then after two, four and so on up to a day, or as soon as another number of rows is
lacking, and with ``--full``. Each run reports it meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from django.utils import timezone

from pandabase_django.api.schemas import Page
from pandabase_django.services.sync.mirror.resource import Item, Resource
from pandabase_django.services.sync.run.checkpoints import Checkpoint
from pandabase_django.services.sync.run.context import RunContext

__all__ = [
    "CUT_ELSEWHERE",
    "ROWS_READ_AGAIN",
    "Lacking",
    "Query",
    "Seen",
    "Unseen",
    "orders_by",
    "sentence",
]

ROWS_READ_AGAIN = 5000  # of a list that is read in other orders too
TRIED_AGAIN_AFTER = timedelta(hours=1)  # and twice as long after each time in vain
TRIED_AGAIN_AFTER_AT_MOST = timedelta(days=1)

# No tie-breaker can be asked for, but pages of another length are cut elsewhere:
# in percent of what the remote gives at most.
CUT_ELSEWHERE = (99, 83, 71)


def orders_by(*columns: str) -> tuple[dict[str, Any], ...]:
    """Other orders of a list that can be sorted by these columns, and by its time of creation."""
    return (
        *(
            {"sort_by": column, "sort_order": order}
            for order in ("asc", "desc")
            for column in columns
        ),
        {"sort_by": "createdAt", "sort_order": "desc"},
        *(
            {"limit": limit, "sort_by": "createdAt", "sort_order": order}
            for limit in CUT_ELSEWHERE
            for order in ("desc", "asc")
        ),
    )


S = TypeVar("S", bound=Item)
Query = Mapping[str, Any]


@dataclass(slots=True)
class Lacking(Checkpoint):
    """Rows that the list counts and did not show at the last look.

    Attributes:
        rows: How many; below 0 when more were seen than it counts.
        of: What the remote counted.
        gap: How many rows it counted beyond those that are here.
        at: When they were looked for; None when none is lacking.
        in_vain: How many looks found the same, each after its pause.
    """

    reading: ClassVar[str] = "unseen"
    rows: int = 0
    of: int = 0
    gap: int = 0
    at: datetime | None = None
    in_vain: int = 1

    @property
    def waited(self) -> timedelta:
        """The time since the last look."""
        return timezone.now() - self.at if self.at else timedelta.max

    @property
    def pause(self) -> timedelta:
        """The time until the next one."""
        times = min(self.in_vain, 10)
        return min(TRIED_AGAIN_AFTER * (1 << (times - 1)), TRIED_AGAIN_AFTER_AT_MOST)


@dataclass(slots=True)
class Seen:
    """What the pages of one list have shown so far.

    Attributes:
        ids: The rows that could be read.
        unreadable: How many could not.
        totals: What the remote counted, at one page or another.
        total: What it counted at the last page that was noted.
        page_length: Rows of a page, as the remote says.
    """

    ids: set[str] = field(default_factory=set)
    unreadable: int = 0
    totals: set[int] = field(default_factory=set)
    total: int = 0
    page_length: int = 100

    def note(self, page: Page[S]) -> None:
        """Note a page of the first reading."""
        self.total = page.total
        self.page_length = min(page.limit, 100) or 100
        self.totals.add(page.total)
        self.unreadable += page.received - len(page.items)
        self.ids.update(item.id for item in page.items)

    @property
    def lacking(self) -> int:
        """How many rows the remote counts beyond those that were seen."""
        return max(0, self.uncounted)

    @property
    def uncounted(self) -> int:
        """The same; below 0 when more were seen than it counts."""
        return self.total - len(self.ids) - self.unreadable


class Unseen(Generic[S]):
    """The rows of one list that it counts and that no page showed.

    Args:
        context: The run; what stays lacking is kept in its checkpoint.
        resource: What is read.
        others: What to ask for in order to get the list in other orders.
    """

    def __init__(self, context: RunContext, resource: Resource[S], others: Sequence[Query]) -> None:
        self._context = context
        self._resource = resource
        self._others = others

    @property
    def is_known(self) -> bool:
        """Whether an earlier run did not see all rows."""
        return self._state.rows > 0

    @property
    def is_lasting(self) -> bool:
        """Whether a total stayed another one than the rows make, at two looks an hour apart."""
        return self._state.in_vain > 1

    def is_due(self, *, gap: int | None = None) -> bool:
        """Whether to look for lacking rows, as no run did so in vain a short time ago.

        Args:
            gap: How many rows the remote counts beyond those that are here. It is the same while
                nothing changed but for new rows that were seen. None asks for the time alone.
        """
        state = self._state
        if state.at is None or gap not in (None, state.gap):
            return True
        return state.waited >= state.pause

    def look_for(
        self,
        seen: Seen,
        *,
        take: Callable[[Iterator[Page[S]]], object],
        done: Callable[[int], object] = lambda tried: None,
        skip: int = 0,
    ) -> None:
        """Read the list in other orders until as many rows were seen as it counts.

        Args:
            seen: What the first reading saw; what the others see is added.
            take: Reads the pages of one order to its end and uses their rows.
            done: Called after each order with how many were read.
            skip: Orders that were read before.
        """
        if not seen.uncounted:
            self._context.checkpoints.drop(self._resource.name, Lacking)
        elif self._is_wanted(gap=self._gap(seen)):
            if seen.lacking and seen.total <= ROWS_READ_AGAIN:
                self._read_others(seen, take=take, done=done, skip=skip)
            self._keep(seen)

    def report(self) -> None:
        """Make this run one that ended in part for the rows that are lacking, if any are."""
        if not self.is_known:
            return
        state, recorder = self._state, self._context.recorder
        orders = len(self._others)
        text = sentence(self._resource.name, state.rows, of=state.of, orders=orders)
        if text not in recorder.run.attention:  # a run may read a list twice
            recorder.leave_out([text])
            recorder.attend(text)

    @property
    def _state(self) -> Lacking:
        checkpoints = self._context.checkpoints
        if checkpoints.has(self._resource.name, Lacking):
            return checkpoints.of(self._resource.name, Lacking)
        return Lacking()

    def _gap(self, seen: Seen) -> int:
        return seen.total - self._resource.live(self._context.store.pk).count()

    def _is_wanted(self, *, gap: int) -> bool:
        if self.is_due(gap=gap):
            return True
        # Once is enough for a run that was asked for everything.
        looked_at, started = self._state.at, self._context.recorder.run.started_at
        return self._context.full and (looked_at is None or looked_at < started)

    def _read_others(
        self,
        seen: Seen,
        *,
        take: Callable[[Iterator[Page[S]]], object],
        done: Callable[[int], object],
        skip: int,
    ) -> None:
        unreadable = 0

        def note(page: Page[S]) -> Page[S]:
            nonlocal unreadable
            unreadable += page.received - len(page.items)
            seen.ids.update(item.id for item in page.items)
            return page

        for tried, query in enumerate(self._others[skip:], start=skip + 1):
            unreadable = 0
            rows = max(1, query.get("limit", 100) * seen.page_length // 100)
            fetch = partial(self._fetch, {**query, "limit": rows})
            take(map(note, self._context.reader.pages(fetch)))
            # A first reading that went on from a stopped one met some of them alone.
            seen.unreadable = max(seen.unreadable, unreadable)
            done(tried)
            if not seen.lacking:
                break

    def _fetch(self, query: Query, number: int) -> Page[S]:
        return self._resource.listing(self._context.client).list(page=number, **query)

    def _keep(self, seen: Seen) -> None:
        checkpoints, name = self._context.checkpoints, self._resource.name
        if not seen.uncounted:
            checkpoints.drop(name, Lacking)
            return
        before, in_vain, gap = self._state, 1, self._gap(seen)
        if before.at and before.gap == gap:
            # A look that somebody asked for meanwhile is no further one.
            in_vain = before.in_vain + (before.waited >= before.pause)
        checkpoints.put(
            name,
            Lacking(
                rows=seen.uncounted, of=seen.total, gap=gap, at=timezone.now(), in_vain=in_vain
            ),
        )


def sentence(name: str, rows: int, *, of: int, orders: int) -> str:
    """What a person reads of rows that are lacking."""
    text = f"{rows} of {of} listed {name} were on no page"
    if of > ROWS_READ_AGAIN:
        return f"{text}; a list of more than {ROWS_READ_AGAIN} rows is read in one order alone."
    return f"{text}, in any of {orders + 1} orders."
