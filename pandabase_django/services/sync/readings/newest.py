"""Reads a list from its newest entry down to those that are known.

The end is found by ids and not by times, so that neither a wrong clock nor a date in the far future
can end it. Each page leaves a checkpoint, and so many pages are read in each run: whoever is
killed, refused or out of pages goes on with the next run, down to what was known before.

What is already known and still open (a refund under way) may move on without coming to the top:
see ``open_entries``.

An entry below the known ones may change all the same, so each look reads one older page in turn.
What this can't see: one that goes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pandabase_django.api.schemas import Page
from pandabase_django.api.wire.traffic import purpose
from pandabase_django.exceptions import PandabaseError
from pandabase_django.services.sync.mirror.resource import ChangedItem, Due, Resource, due_by
from pandabase_django.services.sync.mirror.writing import write_listed
from pandabase_django.services.sync.readings.known import (
    Known,
    Unread,
    ends_in,
    from_the_newest,
    numbers_from_the_newest,
    status_of,
)
from pandabase_django.services.sync.readings.open_entries import OpenEntries
from pandabase_django.services.sync.readings.sweep import PAGES_PER_TRANSACTION
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.one_object import (
    forget_left_out,
    list_is_closed,
    note_page,
)
from pandabase_django.services.sync.run.reader import PAGE_SIZE, batches

__all__ = ["Look", "Newest"]

PAGES_PER_RUN = 50  # of each list; the next run goes on
ONE_BY_ONE = 2  # pages that most often show something known
DUE_PER_TRANSACTION = 500

NEWEST_FIRST: Mapping[str, str] = {"sort": "desc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest entries in every run.

    Attributes:
        query: What asks for the newest first. A list that can't be sorted is asked for without;
            the times of its first page then show where the newest are.
        open_statuses: Statuses that are left again, in the order in which they are passed through.
    """

    query: Mapping[str, Any] = field(default_factory=lambda: NEWEST_FIRST)
    open_statuses: Sequence[str] = ()

    def read(self, context: RunContext, resource: Resource[Any]) -> None:
        """Read what is new in a run of its own, however much that is; all of it when asked to."""
        if context.full:
            context.checkpoints.put(resource.name, Known())
            forget_left_out(context, resource.name)
        look = Look(context, resource, self, name=f"{resource.name}: newest", whole=True)
        with context.recorder.step(look.name):
            look.ask()
            look.read()


class Look:
    """One look at one list.

    Args:
        context: The run.
        resource: What is read.
        newest: How.
        name: Of the step that reads it: requests are counted there.
        whole: The run is this list's own: it is read down to what is known, however many pages that
            takes, and its rows are counted.
    """

    def __init__(
        self,
        context: RunContext,
        resource: Resource[Any],
        newest: Newest,
        *,
        name: str,
        whole: bool = False,
    ) -> None:
        self.name = name
        self._context = context
        self._resource = resource
        self._newest = newest
        self._silent = False
        self._whole = whole
        self._first: Callable[[], Page[Any]] | None = None
        self._open = OpenEntries(context, resource, self._fetch, newest.open_statuses)

    @property
    def is_begun(self) -> bool:
        """Whether anything was noted of the list."""
        return self._context.checkpoints.has(self._resource.name, Known)

    @property
    def is_closed(self) -> bool:
        """Whether the list refused at the last look, or nobody looked yet."""
        return not self.is_begun or self.known.closed

    @property
    def known(self) -> Known:
        """What is known of the list; what is changed in it is kept."""
        return self._context.checkpoints.of(self._resource.name, Known)

    def begin(self) -> None:
        """Before anything is read that entries belong to: take what the list shows as known.

        In a first sync nothing becomes due by it: all is read anyway. So one page is enough now,
        and the look that follows reads the rows below it.
        """
        known = self.known
        if not self._context.first:
            return  # nothing is known: the look that follows reads it to its end
        self._silent = True
        try:
            self._note_the_first_page()
        except PandabaseError as error:
            if not list_is_closed(error):
                raise
            known.closed = True  # the look that follows says so
        self._silent = False

    def ask(self) -> None:
        """Send what every look begins with; ``read`` waits for the answers."""
        with purpose(self.name):
            self._first = self._context.reader.ahead(partial(self._fetch, 1))
            if self.known.undecided:
                self._open.ask()

    def read(self) -> None:
        """Read what the list shows since the last look, a page at a time.

        Raises:
            PandabaseError: The list could not be read; what was read before is kept.
        """
        first = self._first() if self._first else self._page(1)
        known = self.known
        known.closed = False
        pages = self._read_new(first)
        if known.unread:
            self._silent = known.unread.silent
            self._read_unread(known.unread, first, read_already=pages)
            self._silent = False
        elif pages == 1 and not self._whole and self._resource.model:
            self._read_in_turn(first)
        if known.undecided:
            self._open.settle(self.known, make_due=self._make_due, counted=self._whole)
        self._context.save_checkpoints()

    def _note_the_first_page(self) -> None:
        page = self._page(1)
        newest, *older = numbers_from_the_newest(page)
        if newest != 1:
            page = self._page(newest)
        undecided = self._open.shown()
        known = self.known
        if self._resource.model:
            self._take([page], {})
            known.unread = Unread(page.received, {}, silent=True) if older else None
        known.note_newest({item.id: status_of(item) for item in from_the_newest(page)})
        known.undecided.update(undecided)

    def _read_new(self, first: Page[Any]) -> int:
        """Read from the newest entry on, down to known ones. Returns how many pages it took."""
        state = self.known
        known, older = state.recent, state.unread
        numbers = numbers_from_the_newest(first)
        seen: dict[str, str] = {}
        received = 0
        for count, page in enumerate(self._pages(numbers, first), 1):
            entries = from_the_newest(page)
            self._take([page], known)
            seen.update((item.id, status_of(item)) for item in entries)
            received += page.received
            if count == len(numbers) or ends_in(entries, known):
                state.note_newest(seen | {pk: at for pk, at in known.items() if pk not in seen})
                state.unread = older if count < len(numbers) else None
                return count
            state.note_newest(seen)
            state.unread = Unread(received, older.known if older else known)
            self._context.save_checkpoints()
            if count == self._limit:
                return count
        # The list became shorter meanwhile.
        state.note_newest(seen | {pk: at for pk, at in known.items() if pk not in seen})
        state.unread = None
        return len(numbers)

    @property
    def _limit(self) -> float:
        """How many pages one run reads."""
        return math.inf if self._whole or self._silent else PAGES_PER_RUN

    def _read_unread(self, unread: Unread, first: Page[Any], *, read_already: int) -> None:
        """Go on where a reading stopped."""
        state = self.known
        known = {**unread.known, **state.recent}
        numbers = numbers_from_the_newest(first)
        size = max(1, first.received)
        # One page again, since the end of a list need not fill its page.
        passed = min(max(0, unread.received // size - 1), len(numbers) - 1)
        unread.received = passed * size
        left = numbers[passed:]
        if self._limit < math.inf:
            left = left[: max(0, int(self._limit) - read_already)]
        pages = zip(left, self._pages(left, first), strict=False)
        # What makes nothing due locks no orders, and may be many pages.
        for batch in batches(pages, PAGES_PER_TRANSACTION if unread.silent else 1):
            number, page = batch[-1]
            self._take([page for _, page in batch], known)
            unread.received += sum(page.received for _, page in batch)
            ended = number == numbers[-1] or ends_in(from_the_newest(page), unread.known)
            state.unread = None if ended else unread
            self._context.save_checkpoints()
            if ended:
                return

    def _read_in_turn(self, first: Page[Any]) -> None:
        """Read one older page: an entry may change after its end, and stays where it is."""
        state, older = self.known, numbers_from_the_newest(first)[1:]
        if older:
            place = state.turn % len(older)
            self._take([self._page(older[place])], {})
            state.turn = place + 1

    def _take(self, pages: Sequence[Page[Any]], known: Mapping[str, str]) -> None:
        """Write pages, or make due what they show otherwise than it is known."""
        entries = [item for page in pages for item in from_the_newest(page)]
        fresh = [item for item in entries if known.get(item.id) != status_of(item)]
        self.known.undecided.update(self._open.met(fresh))
        if self._resource.model:
            for page in pages:
                note_page(self._context, self._resource.name, page)
        self._write(entries, [ChangedItem(item, known=item.id in known) for item in fresh])

    def _write(self, items: Sequence[Any], changed: Sequence[ChangedItem] = ()) -> None:
        if self._resource.model is None:
            self._make_due(due_by(self._resource, changed))
            return

        write_listed(self._context, self._resource, items, silent=self._silent, counted=self._whole)

    def _make_due(self, due: Due) -> None:
        for chunk in batches(sorted(due), DUE_PER_TRANSACTION):
            with self._context.writing():
                self._resource.makes_due(self._context, {pk: due[pk] for pk in chunk}, ())

    def _fetch(self, number: int, **filters: Any) -> Page[Any]:
        """Ask for one page, in a thread of the reader's."""
        listing = self._resource.listing(self._context.client)
        return listing.list(page=number, limit=PAGE_SIZE, **self._newest.query, **filters)

    def _pages(self, numbers: Sequence[int], first: Page[Any]) -> Iterator[Page[Any]]:
        """These pages, one by one; ahead of their turn once it is clear that many are read."""
        for place, number in enumerate(numbers):
            rest = numbers[place:]
            if self._limit == math.inf and place >= ONE_BY_ONE and rest[0] < rest[-1]:
                yield from self._context.reader.pages(self._fetch, first=number, at_most=len(rest))
                return
            yield first if number == 1 else self._page(number)

    def _page(self, number: int) -> Page[Any]:
        return self._context.reader.one(partial(self._fetch, number))
