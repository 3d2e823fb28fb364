"""Reads a whole list, and notes whether it changed meanwhile.

Pages are numbered, so a row deleted while we read shifts its followers to a page that was read
before. A pass is therefore *clean* only when the total, the last page and the number of distinct
ids, with the rows that can't be read, agree before, during and after; only a clean pass may turn
missing rows into tombstones, and even then each missing row needs a proof of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from heapq import nsmallest
from typing import Any, Generic, TypeVar

from django.db.models import F

from pandabase_django.api.listing import Lists
from pandabase_django.api.schemas import Page
from pandabase_django.conf import conf
from pandabase_django.exceptions import PandabaseError
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.sync.mirror.resource import Item, Resource
from pandabase_django.services.sync.mirror.upsert import mark_gone
from pandabase_django.services.sync.mirror.writing import write_rows
from pandabase_django.services.sync.readings.unseen import Query, Seen, Unseen
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.one_object import (
    exists,
    forget_left_out,
    note_page,
    while_it_is_well,
    write_in_parts,
)
from pandabase_django.services.sync.run.reader import batches

__all__ = ["PAGES_PER_TRANSACTION", "WITNESSES", "Pass", "Sweep", "Sweeping"]

PAGES_PER_TRANSACTION = 20
WITNESSES = 3  # listed rows of which one must answer
SHARE_WORTH_ATTENTION = 0.1  # more of a list than this vanishing at once is shown to a person
OLDEST_FIRST: Mapping[str, str] = {"sort_by": "createdAt", "sort_order": "asc"}

S = TypeVar("S", bound=Item)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The whole list in every run; the model needs a column ``absences``.

    Attributes:
        query: What asks for the list by creation, oldest first.
        others: What asks for it in other orders, in which it is read while rows are lacking.
    """

    query: Mapping[str, Any] = field(default_factory=lambda: OLDEST_FIRST)
    others: Sequence[Query] = ()

    def read(self, context: RunContext, resource: Resource[Any]) -> None:
        """Read every page; mark what is proved to be missing."""
        with context.recorder.step(f"{resource.name}: full pass") as entry:
            sweeping = Sweeping(context, resource, self)
            reading = sweeping.read_through()
            entry.update(reading.outcome())
            if reading.clean:
                sweeping.mark_missing(reading)
            else:
                context.recorder.warn([f"{resource.name.capitalize()}: {reading.why_unclean}"])


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading of a whole list.

    Attributes:
        ids: The rows that could be read.
        unreadable: How many could not, by their ids for example.
        total: What the remote counts.
        steady: The list did not change.
        clean: It did, and shows as many rows as it counts.
        why_unclean: A sentence for a person, or empty.
    """

    ids: frozenset[str]
    unreadable: int
    total: int
    steady: bool
    clean: bool
    why_unclean: str

    def outcome(self) -> dict[str, Any]:
        """What the step of the run says of it."""
        if self.clean or not self.steady:
            return {"clean": self.clean}
        return {"clean": False, "counted": self.total, "listed": len(self.ids) + self.unreadable}


class Sweeping(Generic[S]):
    """The sweeps of one resource in one run.

    Args:
        context: The run.
        resource: What is read.
        config: How.
    """

    def __init__(self, context: RunContext, resource: Resource[S], config: Sweep) -> None:
        self._context = context
        self._resource = resource
        self._config = config
        self._listing = resource.listing(context.client)
        if not isinstance(self._listing, Lists):
            raise TypeError(f"A sweep needs GETs of single {resource.name}.")
        self._get = self._listing.get
        self.unseen = Unseen(context, resource, config.others)

    def read_through(self, *, since: datetime | None = None) -> Pass:
        """Read every page in order and write the rows in batches.

        Args:
            since: Rows are not dated before this time; None dates them as they are written.
        """
        context = self._context
        forget_left_out(context, self._resource.name)
        before = self._page(1)
        end = max(1, before.total_pages)
        tail_before = before if end == 1 else self._page(end)
        seen = Seen(totals={before.total, tail_before.total})

        def note(page: Page[S]) -> Page[S]:
            seen.note(page)
            note_page(context, self._resource.name, page)
            context.recorder.progress(done=len(seen.ids), total=page.total)
            return page

        def write(batch: Sequence[S], now: datetime) -> object:
            return write_rows(context, self._resource, batch, max(now, since or now))

        def take(pages: Iterable[Page[S]]) -> None:
            for batch in batches(pages, PAGES_PER_TRANSACTION):
                items = [item for page in batch for item in page.items]
                write_in_parts(context, items, write, of=self._resource.name)

        take(map(note, context.reader.pages(self._fetch)))
        if len(seen.totals) == 1:
            self.unseen.look_for(seen, take=take)
            self.unseen.report()
        tail_after = self._page(end)
        moved = _how_it_moved({*seen.totals, tail_after.total}, tail_before, tail_after)
        lacking = _why_unclean(before.total, distinct=len(seen.ids), unreadable=seen.unreadable)
        why = moved or lacking
        return Pass(
            ids=frozenset(seen.ids),
            unreadable=seen.unreadable,
            total=before.total,
            steady=not moved,
            clean=not why,
            why_unclean=why,
        )

    def mark_missing(self, reading: Pass) -> None:
        """After a clean pass: mark rows as gone that the list no longer has.

        A row goes when its own GET answers 404 while another GET works, or when two clean passes in
        a row, of which every row could be read, did not list it though its GET answers 200 (P-20
        leaves open which the remote does). The GET that must work is that of a listed row, so that
        a remote whose objects all answer 404 marks nothing.
        """
        context, resource, seen = self._context, self._resource, reading.ids
        rows = resource.live(context.store.pk)
        missing: list[str] = []
        back: list[str] = []
        for pk, absences in rows.values_list("pk", "absences"):
            if pk not in seen:
                missing.append(pk)
            elif absences:
                back.append(pk)
        answers = self._ask_for(missing)
        if missing and not self._is_well(seen):
            context.recorder.warn(
                ["The remote lists rows that it does not find; nothing is marked as gone."]
            )
            return
        context.recorder.warn(
            f"Whether {pk} is gone is not known: {answer}"
            for pk, answer in answers.items()
            if isinstance(answer, PandabaseError)
        )
        # A row that can't be read may be the missing one.
        unlisted = [] if reading.unreadable else [pk for pk in missing if answers[pk] is True]
        absent_before = rows.filter(Among(F("pk"), unlisted), absences__gte=1)
        again = set(absent_before.values_list("pk", flat=True))
        gone = [pk for pk in missing if answers[pk] is False or pk in again]
        doubtful = [pk for pk in unlisted if pk not in again]
        with context.writing() as now:
            store_id, table = context.store.pk, resource.table
            outcome = mark_gone(
                table, ids=gone, store_id=store_id, now=now, dry_run=context.dry_run
            )
            context.recorder.add(outcome)
            marked = [pk for _, pk in outcome.gone_rows]
            if marked:
                resource.went(context, marked, now)
            if not context.dry_run:
                rows.filter(Among(F("pk"), doubtful)).update(absences=1)
                rows.filter(Among(F("pk"), back)).update(absences=0)
        self._report(len(marked), too_new=len(outcome.too_new), of=len(seen) + len(missing))

    def _report(self, marked: int, *, too_new: int, of: int) -> None:
        kind, recorder = self._resource.table._meta.verbose_name_plural, self._context.recorder
        if marked > SHARE_WORTH_ATTENTION * max(1, of):
            recorder.attend(f"{marked} of {of} {kind} vanished from the remote at once.")
        if too_new:
            # Still missing here means that the next run reads the whole list again.
            recorder.warn(
                [
                    f"The remote was seen without {too_new} {kind} that came less than "
                    f"{conf.mark_gone_after_seconds} seconds ago; they are looked for again."
                ]
            )

    def _ask_for(self, missing: Sequence[str]) -> dict[str, bool | PandabaseError]:
        """Whether the remote finds these objects.

        One pass may prove many absences; none counts before a control request has answered as well.
        """
        reader = self._context.reader
        asked = reader.each(partial(exists, self._get), missing)
        return dict(while_it_is_well(asked, control=partial(reader.aside, self._one_row)))

    def _is_well(self, seen: frozenset[str]) -> bool:
        reader = self._context.reader
        if seen:
            # More than one, since the first may be the only one that can't be read.
            listed = nsmallest(WITNESSES, seen)
            return any(reader.one(partial(exists, self._get, pk)) is True for pk in listed)
        reader.one(self._one_row)
        return True

    def _one_row(self) -> Page[S]:
        return self._listing.list(page=1, limit=1)

    def _fetch(self, number: int) -> Page[S]:
        return self._listing.list(page=number, **self._config.query)

    def _page(self, number: int) -> Page[S]:
        return self._context.reader.one(partial(self._fetch, number))


def _how_it_moved(totals: set[int], before: Page[S], after: Page[S]) -> str:
    if len(totals) > 1:
        return f"The total moved between {min(totals)} and {max(totals)} while reading."
    if [item.id for item in before.items] != [item.id for item in after.items]:
        return "The last page changed while reading."
    return ""


def _why_unclean(total: int, *, distinct: int, unreadable: int) -> str:
    if unreadable and not distinct:
        return f"None of the {total} listed rows can be read."
    if distinct + unreadable != total:
        return (
            f"{distinct} distinct rows were read and {unreadable} can't be, "
            f"the remote counts {total}."
        )
    return ""
