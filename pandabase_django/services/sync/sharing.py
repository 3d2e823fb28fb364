"""Lets other workers help a run that has many details to read.

Reading details needs no lease (see ``details``), so any number of workers may do it. What keeps
two of them from reading the same order is one column of the run: up to which id its dirty orders
have been handed out, moved on by compare-and-set. Each helper keeps a record of its own; the run
adds their numbers to its own, waits for them, and reads itself what a helper that died left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from pandabase_django import signals
from pandabase_django.conf import conf
from pandabase_django.models import SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.clients import client_for
from pandabase_django.services.sync.endings import RunResult, attempt
from pandabase_django.services.sync.fetching import Wanted, fetch_details, orders_due
from pandabase_django.services.sync.journal import Journal
from pandabase_django.services.sync.paging import Reader
from pandabase_django.services.sync.recorder import Recorder, RunCancelled

__all__ = ["CallForHelp", "Help", "Read", "help_with_details", "helpers_for", "read_together"]

ORDERS_PER_HAND_OUT = 25  # small, so that all end at about the same time
ORDERS_PER_HELPER = 500  # fewer are read before a helper has begun
SLICE_SECONDS = 120.0  # then a helper lets other tasks have the worker
ALIVE = timedelta(minutes=2)  # nobody is waited for who gave no sign of life for longer
LOOK_SECONDS = 0.5

# Asks for so many helpers of a run, by its primary key.
CallForHelp = Callable[[int, int], None]
# Reads and writes the details of these orders; calls the guard first in each transaction.
Read = Callable[[Iterator[Wanted], Callable[[], None]], object]


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


def read_together(
    recorder: Recorder,
    *,
    read: Read,
    call_for_help: Callable[[], None],
    guard: Callable[[], None],
    missing: set[str],
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Read the details that are due, as one of several; what a dead helper had stays due.

    Args:
        recorder: Of the run; helpers' numbers are added to it.
        read: Does the work.
        call_for_help: Brings helpers, or not: everything is read in any case.
        guard: Renews the lease.
        missing: Gets the ids that answered 404 to helpers.
        sleep: Replaces ``time.sleep``.

    Returns:
        How many records helpers left; each stands for two minutes of one at most.

    Raises:
        PandabaseError: What stopped the run.
    """
    run = recorder.run
    # A run may come here twice; helpers' records are never taken up again.
    earlier = run.helpers.order_by("-pk").values_list("pk", flat=True).first() or 0
    helpers = SyncRun.objects.filter(helps=run, pk__gt=earlier)
    counted = dict.fromkeys(_COUNTED, 0)

    def guard_and_count() -> None:
        guard()
        sums = helpers.aggregate(**{name: Sum(name, default=0) for name in _COUNTED})
        recorder.include(**{name: sums[name] - counted[name] for name in _COUNTED})
        counted.update(sums)

    _hand_out_up_to(run, "")
    call_for_help()
    read(_handed_out(run), guard_and_count)
    while helpers.filter(
        state=SyncRun.State.RUNNING, heartbeat_at__gt=timezone.now() - ALIVE
    ).exists():
        if recorder.tick():
            guard_and_count()
            recorder.save()
        sleep(LOOK_SECONDS)
    _hand_out_up_to(run, None)
    guard_and_count()
    records = list(helpers)
    for helper in records:
        recorder.warn(helper.warnings)
        for step in helper.steps:
            missing.update(step.get("missing", ()))
    return len(records)


def help_with_details(run_id: int, *, seconds: float = SLICE_SECONDS) -> Help | None:
    """Read details for a run of another worker, for a while.

    Args:
        run_id: The run.
        seconds: Nothing is begun after so many.

    Returns:
        What came of it; None when no help is needed any more.
    """
    run = SyncRun.objects.select_related("store").filter(pk=run_id).first()
    if run is None or not _wants_help(run):
        return None
    recorder = Recorder(
        _new_record(run),
        on_progress=lambda _: None,
        journal=Journal(store_id=run.store_id, run_id=run.pk),
    )
    deadline = time.monotonic() + seconds

    def is_over() -> bool:
        return time.monotonic() >= deadline

    result = attempt(recorder, lambda: _read_for(run, recorder, is_over=is_over))
    return Help(result=result, more=result.error is None and is_over())


_COUNTED = (
    "progress_done",
    "requests",
    "seconds_waited",
    "rows_created",
    "rows_updated",
    "rows_unchanged",
    "rows_gone",
)


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
    return SyncRun.objects.filter(
        pk=run.pk,
        state=SyncRun.State.RUNNING,
        cancel_requested_at__isnull=True,
        handed_out_to__isnull=False,
        heartbeat_at__gt=timezone.now() - ALIVE,
    ).exists()


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


def _read_for(run: SyncRun, recorder: Recorder, *, is_over: Callable[[], bool]) -> SyncRun.State:
    def guard() -> None:
        if not _wants_help(run):
            raise RunCancelled("The run that was helped has ended.")

    def keep_alive() -> None:
        if recorder.tick():
            recorder.save()

    missing: set[str] = set()
    with client_for(run.store) as client:
        recorder.watch(client.traffic)
        reader: Reader[Any]
        with (
            Reader(
                concurrency=conf.concurrency,
                while_waiting=keep_alive,
                renew=client.renew,
                give_up=client.give_up,
            ) as reader,
            signals.calling_between(reader.keep_alive),
            recorder.step("orders: details") as entry,
        ):
            unread = fetch_details(
                _handed_out(run, is_over=is_over),
                client=client,
                reader=reader,
                recorder=recorder,
                store_id=run.store_id,
                silent=run.first,
                guard=guard,
                missing=missing,
                shown={},  # the lists were read elsewhere
            )
            entry["missing"] = sorted(missing)
    return SyncRun.State.PARTIAL if unread else SyncRun.State.COMPLETED
