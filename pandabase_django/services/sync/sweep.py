"""Reads a whole list and tells whether it stood still meanwhile.

Pages are numbered, so a row deleted while we read shifts its followers to a page that was read
before. A pass is therefore *clean* only when the total, the last page and the number of distinct
ids, with the rows that can't be read, agree before, during and after; only a clean pass may turn
missing rows into tombstones, and even then each missing row needs a proof of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from django.db.models import F
from django.utils import timezone

from pandabase_django.api.client import Client
from pandabase_django.api.schemas import Page
from pandabase_django.exceptions import ObjectNotFound
from pandabase_django.models import Category, Product, Store, SyncCursor
from pandabase_django.models.lookups import Among
from pandabase_django.services.sync.details import Shown
from pandabase_django.services.sync.lease import Lease
from pandabase_django.services.sync.paging import Reader, batches
from pandabase_django.services.sync.recorder import Recorder
from pandabase_django.services.sync.upsert import Outcome, mark_gone

__all__ = ["Listed", "Pass", "SyncContext", "bury", "read_through"]

PAGES_PER_TRANSACTION = 20
SHARE_WORTH_ATTENTION = 0.1  # more of a list than this vanishing at once is told to a person


class Listed(Protocol):
    """Anything a list returns."""

    @property
    def id(self) -> str:
        """The remote id."""


S = TypeVar("S", bound=Listed)


@dataclass(slots=True)
class SyncContext:
    """What the strategies of one run share."""

    store: Store
    client: Client
    reader: Reader[Any]
    cursor: SyncCursor
    lease: Lease | None
    recorder: Recorder
    full: bool
    dry_run: bool
    call_for_help: Callable[[int, int], None] | None = None
    noted: set[str] = field(default_factory=set)
    shown: dict[str, Shown] = field(default_factory=dict)

    @property
    def first(self) -> bool:
        """No sync of this resource has ever completed: signals stay silent."""
        return self.cursor.first_completed_at is None

    @contextmanager
    def writing(self) -> Iterator[datetime]:
        """A transaction under the lease; gives the time to write into its rows.

        Raises:
            LeaseLost: The lease passed to another worker.
            RunCancelled: Somebody asked for the end of the run.
        """
        with self.recorder.saving(self.keep_lease):
            yield timezone.now()

    def note(self, ids: Iterable[str]) -> list[str]:
        """In a dry run: those of these ids that were not met before."""
        fresh = [pk for pk in ids if pk not in self.noted]
        self.noted.update(fresh)
        return fresh

    def count(self, outcome: Outcome[Any]) -> None:
        """Count a batch; in a dry run each row once, since the next reading finds it again."""
        if self.dry_run:
            fresh = set(self.note(change.row.pk for change in outcome.changes))
            changes = [change for change in outcome.changes if change.row.pk in fresh]
            outcome = replace(outcome, changes=changes)
        self.recorder.add(outcome)

    def keep_checkpoint(self) -> None:
        """Keep where this run stands, inside ``writing()``; a dry run keeps nothing."""
        if not self.dry_run:
            SyncCursor.objects.filter(pk=self.cursor.pk).update(
                checkpoint=self.cursor.checkpoint, last_full_at=self.cursor.last_full_at
            )

    def keep_lease(self) -> None:
        """Renew the lease, as the first statement of a write transaction.

        Raises:
            LeaseLost: The lease passed to another worker.
        """
        if self.lease is not None:
            self.lease.guard()


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading of a whole list.

    Attributes:
        ids: The rows that could be read.
        unreadable: How many could not, by their ids for example.
        total: What the remote counts.
        clean: The list stood still.
        why_unclean: A sentence for a person, or empty.
    """

    ids: frozenset[str]
    unreadable: int
    total: int
    clean: bool
    why_unclean: str


def read_through(
    context: SyncContext,
    *,
    fetch: Callable[[int], Page[S]],
    write: Callable[[list[S], datetime], object],
) -> Pass:
    """Read every page in order and write the rows in batches.

    Args:
        context: The run.
        fetch: One page by its number, sorted by creation, oldest first.
        write: Writes rows inside the transaction it is called in.
    """
    ask = context.reader.one
    before = ask(lambda: fetch(1))
    end = max(1, before.total_pages)
    tail_before = before if end == 1 else ask(lambda: fetch(end))
    ids: set[str] = set()
    unreadable = 0
    totals = {before.total, tail_before.total}

    def note(page: Page[S]) -> Page[S]:
        nonlocal unreadable
        totals.add(page.total)
        unreadable += page.received - len(page.items)
        ids.update(item.id for item in page.items)
        context.recorder.warn(page.warnings)
        context.recorder.progress(done=len(ids), total=page.total)
        return page

    for pages in batches(map(note, context.reader.pages(fetch)), PAGES_PER_TRANSACTION):
        with context.writing() as now:
            write([item for page in pages for item in page.items], now)
    tail_after = ask(lambda: fetch(end))
    totals.add(tail_after.total)
    why = _why_unclean(totals, tail_before, tail_after, distinct=len(ids), unreadable=unreadable)
    return Pass(
        ids=frozenset(ids),
        unreadable=unreadable,
        total=before.total,
        clean=not why,
        why_unclean=why,
    )


def bury(
    context: SyncContext,
    *,
    model: type[Product] | type[Category],
    reading: Pass,
    get: Callable[[str], object],
    control: Callable[[], object],
    mourn: Callable[[list[str], datetime], None],
) -> None:
    """After a clean pass: tombstones for rows that the list no longer has.

    A row goes when its own GET answers 404 while another GET works, or when two clean passes in a
    row, of which every row could be read, did not list it though its GET answers 200 (P-20 leaves
    open which the remote does). The GET that must work is that of a listed row, so that a remote
    whose objects all answer 404 buries nothing.

    Args:
        context: The run.
        model: Product or Category.
        reading: The pass.
        get: Fetches one object by id.
        control: A request that must work when no row is listed.
        mourn: Called inside the transaction with the ids that went, if any; in a dry run too.
    """
    rows = model._default_manager.filter(store=context.store, gone_at__isnull=True)
    seen = reading.ids
    missing: list[str] = []
    back: list[str] = []
    for pk, absences in rows.values_list("pk", "absences").iterator():
        if pk not in seen:
            missing.append(pk)
        elif absences:
            back.append(pk)
    # One pass may prove many absences; none counts before the control GET has answered as well.
    answers = dict(context.reader.each(lambda pk: _exists(get, pk), missing))
    if missing and not _is_well(context, seen, get=get, control=control):
        context.recorder.warn(["The remote lists rows that it does not find; nothing is buried."])
        return
    # A row that can't be read may be the missing one.
    unlisted = [] if reading.unreadable else [pk for pk in missing if answers[pk]]
    again = set(rows.filter(Among(F("pk"), unlisted), absences__gte=1).values_list("pk", flat=True))
    gone = [pk for pk in missing if not answers[pk] or pk in again]
    doubtful = [pk for pk in unlisted if pk not in again]
    if len(gone) > SHARE_WORTH_ATTENTION * max(1, len(seen) + len(missing)):
        context.recorder.attend(
            f"{len(gone)} of {len(seen) + len(missing)} {model._meta.verbose_name_plural} "
            "vanished from the remote at once."
        )
    with context.writing() as now:
        context.recorder.add(mark_gone(model, ids=gone, now=now, dry_run=context.dry_run))
        if gone:
            mourn(gone, now)
        if not context.dry_run:
            rows.filter(Among(F("pk"), doubtful)).update(absences=1)
            rows.filter(Among(F("pk"), back)).update(absences=0)


def _is_well(
    context: SyncContext,
    seen: frozenset[str],
    *,
    get: Callable[[str], object],
    control: Callable[[], object],
) -> bool:
    if seen:
        listed = min(seen)
        return context.reader.one(lambda: _exists(get, listed))
    context.reader.one(control)
    return True


def _why_unclean(
    totals: set[int], before: Page[S], after: Page[S], *, distinct: int, unreadable: int
) -> str:
    if len(totals) > 1:
        return f"The total moved between {min(totals)} and {max(totals)} while reading."
    if [item.id for item in before.items] != [item.id for item in after.items]:
        return "The last page changed while reading."
    (total,) = totals
    if unreadable and not distinct:
        return f"None of the {total} listed rows can be read."
    if distinct + unreadable != total:
        return (
            f"{distinct} distinct rows were read and {unreadable} can't be, "
            f"the remote counts {total}."
        )
    return ""


def _exists(get: Callable[[str], object], pk: str) -> bool:
    try:
        get(pk)
    except ObjectNotFound:
        return False
    return True
