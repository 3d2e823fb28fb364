"""Reads the whole list again, a few pages in each run.

What no other reading can see, such as an e-mail address that somebody corrected years later, is
seen when its page comes round. That takes two pages in each run, and as many as it takes to come
round within ``FULL_SWEEP_INTERVAL_SECONDS`` while something can't be watched or could not be
explained (*hurry*). That interval is then the bound on how late a change is seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.services.sync.mirror.resource import Resource
from pandabase_django.services.sync.mirror.writing import write_page
from pandabase_django.services.sync.run.checkpoints import Checkpoint
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.one_object import end_round
from pandabase_django.services.sync.run.reader import PAGE_SIZE

__all__ = ["Rolling", "Round", "hurry", "start_round"]

PAGES_PER_RUN = 2
OLDEST_FIRST: Mapping[str, str] = {"sort": "asc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolling:
    """Some pages of the whole list in every run.

    Attributes:
        query: What asks for the list in an order that stays.
        read_anyway: How many pages every run reads by another reading: a list that has no more is
            not read twice.
    """

    query: Mapping[str, Any] = field(default_factory=lambda: OLDEST_FIRST)
    read_anyway: int = 0

    def read(
        self,
        context: RunContext,
        resource: Resource[Any],
        *,
        hurried: bool = False,
        of: int | None = None,
    ) -> None:
        """Read the next pages of the round.

        Args:
            context: The run.
            resource: What is read.
            hurried: Something can't be watched: this and the next rounds are quick ones.
            of: How many pages the list has, if another reading has just seen it.
        """
        if _round(context, resource).started is None:
            start_round(context, resource, hurried=hurried)
        current = _round(context, resource)
        current.hurry = current.hurry or hurried
        if of is not None:
            current.pages = of
        if of is None or of > self.read_anyway:
            pages = _pages_due(current)
            with context.recorder.step(f"{resource.name}: rolling pass") as entry:
                entry.update(
                    first_page=current.page + 1,
                    pages=pages,
                    of_pages=current.pages,
                    hurry=current.hurry,
                )
                self._read_pages(context, resource, current, pages)
        else:
            current.page = current.pages
        if current.page >= current.pages:
            if not resource.step_of:
                context.cursor.last_full_at = timezone.now()
            end_round(context, resource.name)
            start_round(context, resource, hurried=hurried or current.again)
        context.save_checkpoints()

    def _read_pages(
        self, context: RunContext, resource: Resource[Any], current: Round, pages: int
    ) -> None:
        listing = resource.listing(context.client)
        done = 0
        for page in context.reader.pages(
            lambda number: listing.list(page=number, limit=PAGE_SIZE, **self.query),
            first=current.page + 1,
            at_most=pages,
        ):
            write_page(context, resource, page)
            done += page.received
            context.recorder.progress(done=done, total=pages * (page.received or PAGE_SIZE))
            current.page = page.page
            seen = max(page.total_pages, page.page if page.received else 0)
            current.pages = max(current.pages, seen)


@dataclass(slots=True)
class Round(Checkpoint):
    """One reading of the whole list, spread over many runs.

    Attributes:
        page: The last one that was read.
        pages: How many the list has, as far as that is known.
        started: When; None before the first round.
        hurry: It is to end within the interval.
        again: Another such round is to follow it.
    """

    reading: ClassVar[str] = "rolling"
    page: int = 0
    pages: int = 0
    started: datetime | None = None
    hurry: bool = False
    again: bool = False


def hurry(context: RunContext, resource: Resource[Any]) -> None:
    """Begin a round that comes to its end within the interval.

    In such a round another one follows it: what changed behind its place must not wait for a slow
    one.
    """
    current = _round(context, resource)
    if current.hurry:
        current.again = current.again or current.page > 0
    else:
        start_round(context, resource, hurried=True)


def start_round(context: RunContext, resource: Resource[Any], *, hurried: bool) -> None:
    """Begin at the first page."""
    context.checkpoints.put(resource.name, Round(started=timezone.now(), hurry=hurried))


def _round(context: RunContext, resource: Resource[Any]) -> Round:
    return context.checkpoints.of(resource.name, Round)


def _pages_due(current: Round) -> int:
    if not current.hurry or current.started is None:
        return PAGES_PER_RUN
    elapsed = (timezone.now() - current.started).total_seconds()
    # One poll ahead, so that the round is at its end when its time is, not a poll later.
    share = (elapsed + conf.sync_interval_seconds) / conf.full_sweep_interval_seconds
    return max(PAGES_PER_RUN, math.ceil(current.pages * min(1.0, share)) - current.page)
