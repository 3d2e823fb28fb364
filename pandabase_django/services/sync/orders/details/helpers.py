"""Lets other workers help a run that has many details to read.

Reading details needs no lease (see ``details``), so any number of workers may do it. What keeps
two of them from reading the same order is one column of the run: up to which id its dirty orders
have been handed out, moved on by compare-and-set. Each helper keeps a record of its own; the run
adds their numbers to its own, waits for them, and reads itself what a helper that died left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.database import connection
from pandabase_django.models import SyncCursor, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.observing.logs import about
from pandabase_django.services.sync.orders.details.fetching import (
    Fetched,
    Wanted,
    fetch_details,
    orders_due,
)
from pandabase_django.services.sync.run.change_notes import ChangeNotes
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.failures import RunResult, attempt
from pandabase_django.services.sync.run.recorder import Recorder, RunCancelled, RunStopped
from pandabase_django.services.sync.run.session import opened

__all__ = ["CallForHelp", "Help", "Together", "help_with_details", "helpers_for", "read_together"]

ORDERS_PER_HAND_OUT = 25  # small, so that all end at about the same time
ORDERS_PER_HELPER = 500  # fewer are read before a helper has begun
SLICE_SECONDS = 120.0  # then a helper lets other tasks have the worker
LOOK_SECONDS = 0.5

_COUNTED = (
    "progress_done",
    "requests",
    "seconds_waited",
    "rows_created",
    "rows_updated",
    "rows_unchanged",
    "rows_gone",
)

# Asks for so many helpers of a run, by its primary key.
CallForHelp = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Help:
    """What a helper did.

    Attributes:
        result: How it ended.
        more: Its time was over before the work was.
    """

    result: RunResult
    more: bool


def helpers_for(due: int) -> int:
    """How many helpers are worth calling for so many orders.

    None where the database has one writer at a time anyway.
    """
    if not connection.features.has_select_for_update:
        return 0
    return min(conf.detail_helpers, due // ORDERS_PER_HELPER)


@dataclass(frozen=True, slots=True)
class Together:
    """What a run and its helpers did.

    Attributes:
        fetched: What came of the details.
        helpers: How many records helpers left; each stands for two minutes of one at most.
    """

    fetched: Fetched
    helpers: int


def read_together(
    context: RunContext,
    *,
    call_for_help: Callable[[], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Together:
    """Read the details that are due, as one of several; what a dead helper had stays due.

    Args:
        context: The run; helpers' numbers are added to its own.
        call_for_help: Brings helpers, or not: everything is read in any case.
        sleep: Replaces ``time.sleep``.

    Raises:
        PandabaseError: What stopped the run.
    """
    recorder, run = context.recorder, context.recorder.run
    # A run may come here twice; helpers' records are never taken up again.
    earlier = run.helpers.order_by("-pk").values_list("pk", flat=True).first() or 0
    helpers = SyncRun.objects.filter(helps=run, pk__gt=earlier)
    counting = _Counting(context, helpers)
    _hand_out_up_to(run, "")
    call_for_help()
    fetched = fetch_details(context.guarded_by(counting), _handed_out(run))
    while helpers.alive().exists():
        if recorder.tick():
            counting.guard()
            recorder.save()
        sleep(LOOK_SECONDS)
    _hand_out_up_to(run, None)
    counting.guard()
    records = list(helpers)
    for helper in records:
        recorder.warn(helper.warnings)
        for step in helper.steps:
            recorder.in_part = recorder.in_part or step.get("left_out", False)
            fetched += Fetched(missing=frozenset(step.get("missing", ())))
    return Together(fetched, helpers=len(records))


@dataclass(slots=True)
class _Counting:
    """The run's own lease; each renewal adds what its helpers did since the last one."""

    context: RunContext
    helpers: QuerySet[SyncRun]
    counted: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))

    def guard(self) -> None:
        self.context.keep_lease()
        sums = self.helpers.aggregate(**{name: Sum(name, default=0) for name in _COUNTED})
        more: Any = {name: sums[name] - self.counted[name] for name in _COUNTED}
        self.context.recorder.include(**more)
        self.counted.update(sums)


def help_with_details(
    run_id: int,
    *,
    seconds: float = SLICE_SECONDS,
    should_stop: Callable[[], bool] = lambda: False,
) -> Help | None:
    """Read details for a run of another worker, for a while.

    Args:
        run_id: The run.
        seconds: Nothing is begun after so many.
        should_stop: Whether this process is to end: then the help does at its next batch.

    Returns:
        What came of it; None when no help is needed any more.
    """
    run = SyncRun.objects.select_related("store").filter(pk=run_id).first()
    if run is None or not _wants_help(run):
        return None
    recorder = Recorder(
        _new_record(run),
        on_progress=lambda _: None,
        notes=ChangeNotes(store_id=run.store_id, run_id=run.pk),
        should_stop=should_stop,
    )
    deadline = time.monotonic() + seconds

    def is_over() -> bool:
        return time.monotonic() >= deadline

    with about(store=run.store_id, resource=run.resource, run=run.pk):
        result = attempt(recorder, lambda: _read_for(run, recorder, is_over=is_over))
    stopped = isinstance(result.error, RunStopped)
    return Help(result=result, more=stopped or (result.error is None and is_over()))


def _hand_out_up_to(run: SyncRun, order_id: str | None) -> None:
    SyncRun.objects.filter(pk=run.pk).update(handed_out_to=order_id)


def _handed_out(run: SyncRun, *, is_over: Callable[[], bool] = lambda: False) -> Iterator[Wanted]:
    """Ids and marks of dirty orders that no other worker of this run was given."""
    place = SyncRun.objects.filter(pk=run.pk)
    while not is_over():
        after = place.values_list("handed_out_to", flat=True).first()
        if after is None:
            return
        found = list(
            orders_due(run.store_id)
            .filter(pk__gt=after)
            .order_by("pk")
            .values_list("pk", "dirty_mark")[:ORDERS_PER_HAND_OUT]
        )
        if not found:
            return
        # Whoever was faster moved it on: then look again.
        if place.filter(handed_out_to=after).update(handed_out_to=found[-1][0]):
            yield from found


def _wants_help(run: SyncRun) -> bool:
    alive = SyncRun.objects.filter(pk=run.pk).alive()
    return alive.filter(cancel_requested_at__isnull=True, handed_out_to__isnull=False).exists()


def _new_record(run: SyncRun) -> SyncRun:
    now = timezone.now()
    return SyncRun.objects.create(
        store=run.store,
        resource=Resource.DETAILS,
        helps=run,
        trigger=run.trigger,
        started_by_id=run.started_by_id,
        first=run.first,
        started_at=now,
        heartbeat_at=now,
    )


@dataclass(frozen=True, slots=True)
class _WhileWanted:
    """A helper may write as long as the run that it helps goes on."""

    run: SyncRun

    def guard(self) -> None:
        if not _wants_help(self.run):
            raise RunCancelled("The run that was helped has ended.")


def _read_for(run: SyncRun, recorder: Recorder, *, is_over: Callable[[], bool]) -> SyncRun.State:
    cursor = SyncCursor(store=run.store, resource=Resource.DETAILS)
    with (
        opened(recorder, cursor, lease=_WhileWanted(run)) as context,
        recorder.step("orders: details") as entry,
    ):
        fetched = fetch_details(context, _handed_out(run, is_over=is_over))
        entry["missing"] = sorted(fetched.missing)
        entry["left_out"] = recorder.in_part
    in_part = recorder.in_part or fetched.unread
    return SyncRun.State.PARTIAL if in_part else SyncRun.State.COMPLETED
