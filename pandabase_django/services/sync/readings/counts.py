"""Counts rows by status at both ends, and reads the statuses that differ.

Rows whose status can still change (*open* ones) are read in every run, the newest thousand of each
status. Whatever is missed shows in the number of rows per status, which costs a few one-row
requests. A status that differs is read, newest first, until as many rows are found as it differs
by; moving them settles the counts of the others. Counts can agree while rows differ, so they are
the last of several readings and prove little alone.

A difference that reading does not change (another store has the row under the same id) is
remembered, so that it is not looked for in every run. When it is the same in the next run, a person
is asked to look; the counts of a shop that sells meanwhile differ by another number each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, ClassVar

from django.db.models import Count, Q

from pandabase_django.api.schemas import Page
from pandabase_django.api.wire.traffic import purpose
from pandabase_django.exceptions import ForeignAnswer, InvalidRequest
from pandabase_django.services.sync.mirror.resource import Resource
from pandabase_django.services.sync.mirror.writing import read_again, write_page
from pandabase_django.services.sync.readings.rolling import hurry
from pandabase_django.services.sync.run.checkpoints import Checkpoint
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.reader import PAGE_SIZE

__all__ = ["OTHER", "Counted", "Counts", "Differences", "StatusCounts"]

Pages = Iterator[Page[Any]]

OTHER = "OTHER"
OPEN_PAGES = 10  # of each open status, in each run
RECONCILED_PAGES = 200  # of all statuses together, in each run
OTHERS_PER_RUN = 500
NEWEST_FIRST: Mapping[str, str] = {"sort": "desc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Counts by status; the model has the columns ``status`` and ``created_at``.

    Attributes:
        statuses: Those that the remote filters by; any other one is counted as the rest.
        open_statuses: Those that are left again, and read in every run.
        settled: Local rows whose status is believed; others are read again anyway.
        query: What asks for the newest first. A list that can't be sorted is asked for without;
            the times of its pages then show whether the newest come first.
    """

    statuses: Sequence[str]
    open_statuses: Sequence[str] = ()
    settled: Q = field(default_factory=Q)
    query: Mapping[str, Any] = field(default_factory=lambda: NEWEST_FIRST)

    def read(self, context: RunContext, resource: Resource[Any]) -> None:
        """Read open rows and statuses whose counts differ."""
        counts = StatusCounts(context, resource, self)
        counts.ask_for_open()
        counts.read_open()
        counts.reconcile()


@dataclass(slots=True)
class Differences(Checkpoint):
    """Counts that differ, remote less local, and that reading did not change.

    Attributes:
        unexplained: By status.
        reported: Those that a person knows of.
    """

    reading: ClassVar[str] = "counts"
    unexplained: dict[str, int] = field(default_factory=dict)
    reported: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows the remote has.

    Attributes:
        by_status: Of each status that it counts; ``OTHER`` is what the total has beyond them, and
            is left out unless all were counted.
        refused: The statuses that it refuses to count.
        total: Of all statuses; None when it refuses that too.
    """

    by_status: dict[str, int]
    refused: tuple[str, ...]
    total: int | None


class StatusCounts:
    """The counts of one resource in one run.

    Args:
        context: The run.
        resource: What is counted.
        config: How.
    """

    def __init__(self, context: RunContext, resource: Resource[Any], config: Counts) -> None:
        self._context = context
        self._resource = resource
        self._config = config
        self._listing = resource.listing(context.client)
        self._live = resource.live(context.store.pk)
        self._open_step = f"{resource.name}: unsettled ones"
        self._asked: dict[str, Pages] = {}

    def ask_for_open(self) -> None:
        """Send what ``read_open`` begins with."""
        with purpose(self._open_step):
            self._asked = {
                status: self._newest(status, at_most=OPEN_PAGES)
                for status in self._config.open_statuses
            }

    def read_open(self) -> None:
        """Read the newest open rows; local ones that are no longer among them are due."""
        with self._context.recorder.step(self._open_step):
            for status, pages in self._asked.items():
                self._read(status, pages, enough=lambda finding: False)

    def there(self) -> Counted:
        """Count the rows of each status at the remote, by requests of one row each."""
        statuses = self._config.statuses
        answers = dict(self._context.reader.each(self._count, (*statuses, OTHER)))
        total = answers.pop(OTHER)
        refused = tuple(status for status, count in answers.items() if count is None)
        by_status = {status: count for status, count in answers.items() if count is not None}
        if total is not None and not refused:
            by_status[OTHER] = total - sum(by_status.values())
        return Counted(by_status=by_status, refused=refused, total=total)

    def here(self) -> dict[str, int]:
        """Rows of each status in the local table, without those that are gone."""
        found = dict.fromkeys((*self._config.statuses, OTHER), 0)
        rows = self._resource.rows(self._context.store.pk).order_by()
        # Counted apart: both numbers come from indexes alone, however many rows there are.
        for sign, counted in ((1, rows), (-1, rows.filter(gone_at__isnull=False))):
            for status, count in counted.values_list("status").annotate(Count("pk")):
                found[status if status in self._config.statuses else OTHER] += sign * count
        return found

    def reconcile(self, *, after_each: Callable[[], None] = lambda: None) -> None:
        """Compare the counts, and read the statuses that differ.

        Args:
            after_each: Called after each status: reads what it made due.
        """
        context = self._context
        with context.recorder.step(f"{self._resource.name}: counts per status") as entry:
            there = self.there().by_status
            differing = self._without_known(self._differences(there), there)
            entry["differing"] = differing
        if context.dry_run:
            return  # the new rows are not here to be counted
        budget = RECONCILED_PAGES
        left, tried = dict(differing), set[str]()
        while budget > 0 and left:
            # Small ones first: what they lead to often settles the large ones unread.
            status = min(left, key=lambda name: (there[name], name))
            tried.add(status)
            with context.recorder.step(f"{self._resource.name}: status {status}"):
                budget -= self._settle(status, by=left[status], budget=budget)
            after_each()
            now = self._differences(there)
            left = {name: now[name] for name in differing if name in now and name not in tried}
        if tried:
            # Counted again: the shop went on selling meanwhile.
            rest = self._differences(self.there().by_status)
            same = {name: by for name, by in rest.items() if differing.get(name) == by}
            self._known.unexplained.update(same)
            context.save_checkpoints()

    @property
    def _known(self) -> Differences:
        return self._context.checkpoints.of(self._resource.name, Differences)

    def _settle(self, status: str, *, by: int, budget: int) -> int:
        """Read a status that differs. Returns the number of pages that were read."""
        if status == OTHER:
            rows = self._live.exclude(status__in=self._config.statuses)
            rows = rows.filter(self._config.settled).order_by("synced_at")
            ids = set(rows.values_list("pk", flat=True)[:OTHERS_PER_RUN])
            read_again(self._context, self._resource, ids)
            return 0
        return self._read(
            status,
            self._newest(status, at_most=budget),
            enough=lambda finding: (finding.came if by > 0 else finding.left) >= abs(by) > 0,
        )

    def _newest(self, status: str, *, at_most: int) -> Pages:
        """Rows of one status, from the newest on."""

        def fetch(number: int) -> Page[Any]:
            return self._listing.list(
                page=number, limit=PAGE_SIZE, status=status, **self._config.query
            )

        return self._context.reader.pages(fetch, at_most=at_most)

    def _read(self, status: str, asked: Pages, *, enough: Callable[[_Finding], bool]) -> int:
        """Compare pages of the newest rows of one status with what is here.

        Between the oldest row of a page and that of the page before, the local rows of this status
        must be those that are listed; the others left it and are due. A list in another order is
        compared as a whole, after its last page.

        Returns:
            The number of pages that were read.
        """
        finding = _Finding()
        pages = 0
        for page in asked:
            pages += 1
            finding.came += write_page(self._context, self._resource, page)
            finding.left += self._read_unlisted(status, page, finding)
            if enough(finding):
                break
        return pages

    def _read_unlisted(self, status: str, page: Page[Any], finding: _Finding) -> int:
        finding.listed.update(item.id for item in page.items)
        times = [item.created_at for item in page.items if item.created_at]
        below = min(times, default=None)
        if not self._config.query and not _descend(times, finding.above):
            finding.newest_first = False
        here = self._live.filter(self._config.settled, status=status)
        if page.page < page.total_pages:
            if below is None or not finding.newest_first:
                return 0
            # A row as old as the page's oldest may be on the next one.
            here = here.filter(created_at__gt=below)
        if finding.above is not None and finding.newest_first:
            here = here.filter(Q(created_at__lte=finding.above) | Q(created_at__isnull=True))
        gone = set(here.values_list("pk", flat=True)) - finding.listed
        finding.above = below or finding.above
        read_again(self._context, self._resource, gone)
        return len(gone)

    def _differences(self, there: Mapping[str, int]) -> dict[str, int]:
        """Remote less local, by status, where that is not 0."""
        here = self.here()
        return {name: count - here[name] for name, count in there.items() if count != here[name]}

    def _without_known(
        self, differences: Mapping[str, int], there: Mapping[str, int]
    ) -> dict[str, int]:
        """Leave out what reading could not change last time; report once that it stays.

        What was not counted this time stays known.
        """
        state = self._known
        known = {
            name: by
            for name, by in state.unexplained.items()
            if name not in there or differences.get(name) == by
        }
        state.unexplained = known
        if known and known != state.reported:
            named = ", ".join(f"{name} {by:+d}" for name, by in sorted(known.items()))
            self._context.recorder.attend(
                f"The remote counts other numbers of {self._resource.name} than are here "
                f"({named}), and reading did not show why. The whole list is read again soon."
            )
            hurry(self._context, self._resource)
        state.reported = dict(known)
        self._context.save_checkpoints()
        return {name: by for name, by in differences.items() if name not in known}

    def _count(self, status: str) -> int | None:
        query: dict[str, Any] = {} if status == OTHER else {"status": status}
        try:
            return self._listing.list(page=1, limit=1, **query).total
        except (InvalidRequest, ForeignAnswer):
            return None  # or a firewall's page: the next run counts again


@dataclass(slots=True)
class _Finding:
    """How many rows turned out to have come to a status, and to have left it."""

    came: int = 0
    left: int = 0
    above: datetime | None = None
    listed: set[str] = field(default_factory=set)
    newest_first: bool = True


def _descend(times: Sequence[datetime], above: datetime | None) -> bool:
    """Whether these times go down, from that of the page before."""
    met = times if above is None else [above, *times]
    return all(later >= earlier for later, earlier in pairwise(met))
