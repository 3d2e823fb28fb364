"""Reads the newest changes of a large list, and the whole of it once a day, or when it is small.

The newest changes are read until a page shows nothing but what the last complete reading had found
here already. That is seen by two times of our own, as the remote may show none (P-20): when a row
was written, and the *frontier*, when the last complete reading began. Every change before it is
known. What a reading writes is dated after its own beginning, so one that broke off makes nothing
look known, and what it wrote is looked behind once more by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db.models import F
from django.utils import timezone

from pandabase_django.api.schemas import Page
from pandabase_django.conf import conf
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.sync.mirror.resource import Resource
from pandabase_django.services.sync.mirror.writing import write_rows
from pandabase_django.services.sync.readings.sweep import Sweep, Sweeping
from pandabase_django.services.sync.run.checkpoints import Checkpoint
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.one_object import note_page, write_in_parts
from pandabase_django.services.sync.run.reader import PAGE_SIZE

__all__ = ["Frontier", "SweepOrChanges"]

PASSES_AT_MOST = 2  # of one run
LAST_CHANGED_FIRST: Mapping[str, str] = {"sort_by": "updatedAt", "sort_order": "desc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOrChanges:
    """The whole list while it is small, else its newest changes and a sweep a day.

    Attributes:
        sweep: How the whole list is read.
        small: Up to how many rows it is read whole in every run. Ten pages cost little, and only a
            whole reading sees a row deleted while another came back.
        query: What asks for the last changed rows first.
    """

    sweep: Sweep
    small: Callable[[], int]
    query: Mapping[str, Any] = field(default_factory=lambda: LAST_CHANGED_FIRST)

    @property
    def parts(self) -> tuple[Sweep]:
        """What it is made of."""
        return (self.sweep,)

    def read(self, context: RunContext, resource: Resource[Any]) -> None:
        """Make the local rows equal the remote's."""
        _Reading(context, resource, self).read()


@dataclass(slots=True)
class Frontier(Checkpoint):
    """When the last complete reading began.

    Attributes:
        at: The time; None while a sweep is due.
        left_out: How many rows the remote counted and the last complete pass could not keep here:
            they are unreadable, or another store's. No later total is without them.
    """

    reading: ClassVar[str] = "frontier"
    at: datetime | None = None
    left_out: int = 0


class _Reading:
    def __init__(
        self, context: RunContext, resource: Resource[Any], config: SweepOrChanges
    ) -> None:
        self._context = context
        self._resource = resource
        self._config = config
        self._live = resource.live(context.store.pk)
        self._sweeping = Sweeping(context, resource, config.sweep)
        self._unseen = self._sweeping.unseen

    def read(self) -> None:
        frontier = None if self._sweep_is_due() else self._frontier.at
        if frontier is not None and self._read_newest_changes(frontier):
            self._unseen.report()
            return
        began = self._read_everything()
        if began is not None and self._is_large():
            # What was edited behind the pass. What else moved meanwhile is left to the next run.
            self._read_newest_changes(began)

    @property
    def _frontier(self) -> Frontier:
        return self._context.checkpoints.of(self._resource.name, Frontier)

    def _sweep_is_due(self) -> bool:
        context, last = self._context, self._context.cursor.last_full_at
        if context.full or last is None or not self._is_large():
            return True
        if self._unseen.is_known and self._unseen.is_due():
            return True
        return timezone.now() - last >= timedelta(seconds=conf.full_sweep_interval_seconds)

    def _is_large(self) -> bool:
        return self._live.count() > self._config.small()

    def _read_everything(self) -> datetime | None:
        """Read every page, and again at once when that alone may make two looks agree.

        A shop that adds a row in most intervals would never see two runs agree. A second pass that
        follows the first one lets in only what happens during a pass.

        Returns:
            When the last pass began, if every change before that is known now. Only a second look
            at the same set of rows makes sure that none was shifted past the first.
        """
        for _ in range(PASSES_AT_MOST):
            known, began = self._ids_here(), self._beginning()
            listed = self._sweep(known, began)
            if listed == known:
                return began
            if listed != self._ids_here() or not self._is_large():
                break
        return None

    def _sweep(self, known: frozenset[str], began: datetime) -> frozenset[str] | None:
        """Read every page, and mark as gone what is proved to be gone.

        Args:
            known: The rows that were here when it began.
            began: When it began; with a pass that found the same ones, this becomes the frontier.

        Returns:
            The store's rows that it read; None if the list moved meanwhile. Of one whose total has
            long been another one than its rows make, with those that are known: reading it in each
            run would show nothing new.
        """
        context, resource = self._context, self._resource
        listed = None
        with context.recorder.step(f"{resource.name}: full pass") as entry:
            reading = self._sweeping.read_through(since=began)
            entry.update(reading.outcome())
            if reading.clean:
                self._sweeping.mark_missing(reading)
            else:
                context.recorder.warn([f"{resource.name.capitalize()}: {reading.why_unclean}"])
            if reading.clean or (reading.steady and self._unseen.is_lasting):
                context.cursor.last_full_at = timezone.now()
                listed = reading.ids - context.left_out[resource.name]
                if not reading.clean:
                    listed |= known
            if listed == known:
                self._set_frontier(began, left_out=reading.total - len(known))
            else:
                context.checkpoints.drop(resource.name, Frontier)
            with context.writing():
                context.keep_checkpoints()
        return listed

    def _ids_here(self) -> frozenset[str]:
        return frozenset(self._live.values_list("pk", flat=True))

    def _read_newest_changes(self, frontier: datetime) -> bool:
        """Read by last change, newest first, until a whole page was known before the frontier.

        Returns:
            False when only a sweep can find the difference.
        """
        context, resource = self._context, self._resource
        began, left_out = self._beginning(), self._frontier.left_out
        totals: set[int] = set()

        def write(batch: Any, now: datetime) -> Any:
            return write_rows(context, resource, batch, max(now, began))

        with context.recorder.step(f"{resource.name}: newest changes"):
            for page in self._newest_pages():
                note_page(context, resource.name, page)
                totals.add(page.total)
                written = write_in_parts(context, page.items, write, of=resource.name)
                changed = any(part.changes for part in written)
                if not changed and not self._holds_later_rows(page, frontier):
                    break
            here = self._live.count() + left_out
            if totals != {here} or self._live.filter(absences__gt=0).exists():
                return False
            self._set_frontier(began, left_out=left_out)
            return True

    def _newest_pages(self) -> Iterator[Page[Any]]:
        """One by one, as most often the first is enough."""
        listing = self._resource.listing(self._context.client)
        number, last = 0, 1
        while number < last:
            number += 1
            (page,) = self._context.reader.pages(
                lambda at: listing.list(page=at, limit=PAGE_SIZE, **self._config.query),
                first=number,
                at_most=1,
            )
            last = page.total_pages
            yield page

    def _holds_later_rows(self, page: Page[Any], frontier: datetime) -> bool:
        """Some of the page was written since the last complete reading began."""
        ids = [item.id for item in page.items]
        rows = self._resource.table._default_manager.filter(Among(F("pk"), ids))
        return rows.filter(store=self._context.store, synced_at__gte=frontier).exists()

    def _beginning(self) -> datetime:
        """Now, or the frontier if another worker's clock put it ahead of ours."""
        now = timezone.now()
        return max(now, self._frontier.at or now)

    def _set_frontier(self, at: datetime, *, left_out: int) -> None:
        self._context.checkpoints.put(self._resource.name, Frontier(at=at, left_out=left_out))
