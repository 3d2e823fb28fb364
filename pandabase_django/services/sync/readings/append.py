"""Reads the end of a list that only grows there, oldest first, from a checkpoint on.

A row is never deleted and its place never moves, so the pages before the checkpoint hold nothing
new. They may hold rows that changed since; other readings find those. That rows vanish all the same
shows in a total that falls: a person is asked to look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone

from pandabase_django.api.schemas import Page
from pandabase_django.services.sync.mirror.resource import Resource
from pandabase_django.services.sync.mirror.writing import write_items, write_page
from pandabase_django.services.sync.readings.sweep import PAGES_PER_TRANSACTION
from pandabase_django.services.sync.readings.unseen import ROWS_READ_AGAIN, Query, Seen, Unseen
from pandabase_django.services.sync.run.checkpoints import Checkpoint
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.one_object import forget_left_out, note_page, write_in_parts
from pandabase_django.services.sync.run.reader import PAGE_SIZE, batches

__all__ = ["Append", "End"]

OLDEST_FIRST: Mapping[str, str] = {"sort": "asc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """What is new at the end of the list; all of it at first, and when it is asked for.

    Attributes:
        query: What asks for the oldest first.
        others: What asks for other orders, in which the list is read while rows are lacking.
        prepare: Computed of each row in the reading threads of a first pass.
    """

    query: Mapping[str, Any] = field(default_factory=lambda: OLDEST_FIRST)
    others: Sequence[Query] = ()
    prepare: Callable[[Any], object] | None = None

    def read(self, context: RunContext, resource: Resource[Any]) -> bool:
        """Read what is new. Returns whether the whole list was read."""
        return _Reading(context, resource, self).read()


@dataclass(slots=True)
class End(Checkpoint):
    """Where the list ended at the last look.

    Attributes:
        page: The last page that was read.
        full_page: The last one of a first pass that was stopped; 0 when none is under way.
        tried: In how many other orders such a pass has read the list.
        total: Rows that the remote counted.
        pages: How many pages it had.
    """

    reading: ClassVar[str] = "append"
    page: int = 1
    full_page: int = 0
    tried: int = 0
    total: int = 0
    pages: int = 0


class _Reading:
    def __init__(self, context: RunContext, resource: Resource[Any], config: Append) -> None:
        self._context = context
        self._resource = resource
        self._config = config
        self._listing = resource.listing(context.client)
        self._live = resource.live(context.store.pk)
        self._end = context.checkpoints.of(resource.name, End)
        self._unseen = Unseen(context, resource, config.others)

    def read(self) -> bool:
        context, cursor, end = self._context, self._context.cursor, self._end
        everything = context.full or cursor.last_full_at is None
        if not everything:
            with context.recorder.step(f"{self._resource.name}: new ones"):
                # One page back: ties in creation time, and rows that became visible late.
                self._read_from(max(1, end.page - 1))
            everything = self._is_time_to_look_again()
        if everything:
            # Only a first pass goes on where it was stopped: a later one is asked for in order to
            # see every page.
            first = max(1, end.full_page) if cursor.last_full_at is None else 1
            if first == 1:
                forget_left_out(context, self._resource.name)
            with context.recorder.step(f"{self._resource.name}: full pass"):
                self._find_all(self._read_from(first), resumed=first > 1)
            end.full_page = 0
            cursor.last_full_at = timezone.now()
        self._unseen.report()
        return everything

    def _is_time_to_look_again(self) -> bool:
        """Whether to read everything for rows that an earlier run did not see."""
        if not self._unseen.is_known:
            return False
        return self._unseen.is_due(gap=self._end.total - self._live.count())

    def _read_from(self, first: int) -> Seen:
        seen, recorder = Seen(), self._context.recorder

        def note(page: Page[Any]) -> Page[Any]:
            self._watch_total(page)
            if page.total <= ROWS_READ_AGAIN:
                seen.note(page)  # of a longer list the ids are too many to be held
            note_page(self._context, self._resource.name, page)
            recorder.progress(
                done=min(page.total, (page.page - 1) * page.limit + page.received),
                total=page.total,
            )
            return page

        for pages in batches(map(note, self._pages(first)), PAGES_PER_TRANSACTION):
            self._write(pages)
        # The end may lie before the checkpoint: then rows vanished.
        self._end.page = pages[-1].page
        return seen

    def _find_all(self, seen: Seen, *, resumed: bool) -> None:
        """Read the list in other orders while it counts more rows than it showed."""
        context, end, tried = self._context, self._end, 0

        def take(pages: Iterable[Page[Any]]) -> None:
            for page in pages:
                write_page(context, self._resource, page)

        def done(many: int) -> None:
            if context.first:
                end.tried = many
                context.save_checkpoints()

        if resumed and seen.lacking:
            # What the pages before and other orders have shown is here.
            seen.ids.update(self._live.values_list("pk", flat=True))
            tried = end.tried
        self._unseen.look_for(seen, take=take, done=done, skip=tried)
        end.tried = 0

    def _pages(self, first: int) -> Iterator[Page[Any]]:
        """Pages from ``first`` on, or from further back when that one does not join what is here.

        A list that lost rows, or whose pages became longer, has its end on an earlier page than
        the checkpoint says.
        """
        back = 1
        while True:
            pages = self._context.reader.pages(self._fetch, first=first)
            page = next(pages)
            if first == 1 or self._joins(page):
                break
            first = max(1, min(first, page.total_pages + 1) - back)
            back *= 2
        yield page
        yield from pages

    def _fetch(self, number: int) -> Page[Any]:
        page = self._listing.list(page=number, limit=PAGE_SIZE, **self._config.query)
        if self._config.prepare and self._context.cursor.last_full_at is None:
            # All of them are new: read here, while the writer waits for the database.
            for row in page.items:
                self._config.prepare(row)
        return page

    def _joins(self, page: Page[Any]) -> bool:
        rows = self._resource.table._default_manager
        return bool(page.items) and rows.filter(pk=page.items[0].id).exists()

    def _watch_total(self, page: Page[Any]) -> None:
        end, name = self._end, self._resource.name
        if page.total < end.total:
            self._context.recorder.attend(
                f"The remote counts {page.total} {name}, {end.total} at an earlier sync. "
                f"{name.capitalize()} are not supposed to vanish."
            )
        end.total = page.total
        end.pages = max(page.total_pages, page.page if page.received else 0)

    def _write(self, pages: Sequence[Page[Any]]) -> None:
        context = self._context
        rows = [row for page in pages for row in page.items]

        def write(part: Sequence[Any], now: datetime) -> bool:
            write_items(context, self._resource, part, now)
            whole = len(part) == len(rows)
            if whole:
                self._move_checkpoint(pages[-1].page)
            return whole

        if not any(write_in_parts(context, rows, write, of=self._resource.name)):
            with context.writing():
                self._move_checkpoint(pages[-1].page)

    def _move_checkpoint(self, last: int) -> None:
        self._end.page = max(last, self._end.page)
        if self._context.cursor.last_full_at is None:
            self._end.full_page = last
        self._context.keep_checkpoints()
