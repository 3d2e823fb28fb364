"""Counts what a run does and lets people watch it.

The numbers are saved in the same transaction as the rows they count, so a run's record is true
even when its process is killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from pandabase_django.api.wire.traffic import Traffic, purpose
from pandabase_django.database import transaction
from pandabase_django.exceptions import PandabaseError
from pandabase_django.models import SyncRun
from pandabase_django.observing.logs import get_logger
from pandabase_django.printable import printable
from pandabase_django.services.sync.run.change_notes import ChangeNotes
from pandabase_django.services.sync.run.progress import Pace, seconds_left, sentence
from pandabase_django.services.sync.run.request_count import RequestCount

if TYPE_CHECKING:
    from pandabase_django.services.sync.run.outcome import Outcome

__all__ = ["MAX_WARNINGS", "Recorder", "RunCancelled", "RunStopped"]

logger = get_logger(__name__)

MAX_WARNINGS = 200
MAX_ATTENTION_CHARACTERS = 1000
MORE = "…"
HEARTBEAT_SECONDS = 15.0  # a quarter of the lease
LOG_SECONDS = 5.0

_COUNTED = ("rows_created", "rows_updated", "rows_unchanged", "rows_gone")
_SAVED = (
    "heartbeat_at",
    "phase",
    "progress_done",
    "progress_total",
    "rows_per_second",
    "seconds_left",
    "waiting_until",
    "waiting_for",
    *_COUNTED,
    "requests",
    "seconds_waited",
    "steps",
    "warnings",
    "warning_count",
    "attention",
)


class RunCancelled(PandabaseError):
    """Somebody asked for the end of this run; what it wrote so far stays."""


class RunStopped(PandabaseError):
    """This run is to end here and to go on later; what it wrote so far stays."""

    retryable = True
    retry_after_seconds = 0.0


class Recorder:
    """Keeps one ``SyncRun`` up to date.

    Args:
        run: The record; never saved when it is a dry run.
        on_progress: Called with the record after each batch, and each second without one.
        notes: Where written rows are noted; None takes one of the run, when it is saved.
        should_stop: Whether this process is to end: then the run does at its next batch.
        gives_way: Whether other syncs are to have the worker: then the run ends after a batch that
            wrote something.
        clock: Replaces ``time.monotonic``.

    Attributes:
        run: The record.
        in_part: Not everything could be read and kept: the run can end well in part alone.
    """

    def __init__(
        self,
        run: SyncRun,
        *,
        on_progress: Callable[[SyncRun], None],
        notes: ChangeNotes | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        gives_way: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run = run
        self.in_part = False
        self._notes = notes
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._gives_way = gives_way
        self._requests = RequestCount(run)
        self._clock = clock
        self._pace = Pace(clock=clock)
        self._saved_at = self._logged_at = clock()

    def watch(self, traffic: Traffic) -> None:
        """Count the requests of this client from now on, on top of those of earlier ones."""
        self._requests.watch(traffic)

    @contextmanager
    def step(self, strategy: str) -> Iterator[dict[str, Any]]:
        """Name what is done inside; its requests and rows are added to the run's steps.

        Requests that went out ahead, under ``purpose(strategy)``, are its own too. Those that still
        run when it ends, since nobody wants their answer any more, are counted by the run alone.
        """
        self.run.phase = strategy
        self._pace.restart()
        self.progress(done=0, total=None)
        self._requests.begin_step()
        start = (self.run.rows_created, self.run.rows_updated)
        entry: dict[str, Any] = {"strategy": strategy}
        self.run.steps.append(entry)
        try:
            with purpose(strategy):
                yield entry
        finally:
            entry["requests"] = self._requests.end_step(strategy)
            entry["created"] = self.run.rows_created - start[0]
            entry["updated"] = self.run.rows_updated - start[1]

    def add(self, outcome: Outcome[Any]) -> None:
        """Count the rows of one batch."""
        self.run.rows_created += outcome.created
        self.run.rows_updated += outcome.updated
        self.run.rows_unchanged += outcome.unchanged
        self.run.rows_gone += outcome.gone
        self.note(outcome)

    def note(self, outcome: Outcome[Any]) -> None:
        """Note the rows of one batch that are not counted: they are of another resource."""
        self.warn(outcome.warnings)
        self.leave_out(outcome.left_out.values())
        if notes := self._open_notes():
            notes.wrote(outcome.changes)
            notes.went(outcome.gone_rows)

    def warn(self, texts: Iterable[str]) -> None:
        """Count warnings and keep the first 200."""
        for text in texts:
            self.run.warning_count += 1
            if len(self.run.warnings) < MAX_WARNINGS:
                self.run.warnings.append(printable(text)[:500])

    def leave_out(self, texts: Iterable[str]) -> None:
        """Warn of what this run could not read or keep: it can end well in part alone."""
        texts = list(texts)
        self.in_part = self.in_part or bool(texts)
        self.warn(texts)

    def attend(self, text: str) -> None:
        """Mark the run for a person's attention; what goes beyond a paragraph is cut."""
        text, before = printable(text), self.run.attention
        if before.endswith(MORE):
            return
        whole = f"{before} {text}".strip()
        fits = len(whole) <= MAX_ATTENTION_CHARACTERS
        self.run.attention = (
            whole if fits else f"{before or text[:MAX_ATTENTION_CHARACTERS]} {MORE}"
        )

    def include(
        self, *, progress_done: int, requests: int, seconds_waited: float, **rows: int
    ) -> None:
        """Count what another process did for this run since the last time.

        Args:
            progress_done: Rows it came further.
            requests: Requests it sent.
            seconds_waited: Seconds it slept for rate limits and retries.
            rows: ``rows_created`` and its like.
        """
        self._requests.include(requests=requests, seconds_waited=seconds_waited)
        for name, count in rows.items():
            setattr(self.run, name, getattr(self.run, name) + count)
        self.progress(done=self.run.progress_done + progress_done, total=self.run.progress_total)

    def progress(self, *, done: int, total: int | None) -> None:
        """How far the run is, in rows."""
        self.run.progress_done = done
        self.run.progress_total = total
        self._pace.reached(done)
        self.run.rows_per_second = self._pace.rows_per_second
        self.run.seconds_left = seconds_left(self.run)

    @contextmanager
    def saving(self, guard: Callable[[], None]) -> Iterator[None]:
        """A transaction that ends with these numbers; one that fails leaves them as they were.

        Args:
            guard: Called first; raises when nothing may be written any more.

        Raises:
            RunCancelled: Somebody asked for it since the last batch; nothing was written.
            RunStopped: This process is to end, and nothing was written; or all was written, and
                other syncs are to have the worker.
        """
        before = self._rows()
        committed = False

        def note_commit() -> None:
            nonlocal committed
            committed = True

        try:
            with transaction.atomic():
                # Before all receivers, which run inside this block too: whoever interrupts one
                # takes nothing back.
                transaction.on_commit(note_commit)
                guard()
                before = self._rows()  # the guard may have included what another process wrote
                yield
                self.save()
        except BaseException:
            if not committed:
                for name, count in before.items():
                    setattr(self.run, name, count)
            raise
        # After rows were written, so that each turn of a run brings its store further.
        if self._written() > before["rows_created"] + before["rows_updated"] and self._gives_way():
            raise RunStopped("Other syncs waited for the worker.")

    def _rows(self) -> dict[str, int]:
        return {name: getattr(self.run, name) for name in (*_COUNTED, "progress_done")}

    def _written(self) -> int:
        return self.run.rows_created + self.run.rows_updated

    def tick(self) -> bool:
        """Show how far the run is while nothing arrives.

        Returns:
            Whether a sign of life is due: the caller renews its lease and calls ``save``.

        Raises:
            RunStopped: This process is to end.
        """
        self._stop_if_asked()
        was_waiting = self.run.waiting_until is not None
        self._requests.update()
        self._show()
        turned = was_waiting != (self.run.waiting_until is not None)
        return turned or self._clock() - self._saved_at >= HEARTBEAT_SECONDS

    def save(self) -> None:
        """Write the numbers; a part of the batch's own transaction.

        Raises:
            RunCancelled: Somebody asked for it since the last batch.
            RunStopped: This process is to end.
        """
        self._stop_if_asked()
        self._requests.update()
        self.run.heartbeat_at = timezone.now()
        self._saved_at = self._clock()
        if self.run.pk:
            # One statement for both, since every batch comes here: a run that is to end stays as
            # it is, and its last save writes the numbers.
            saved = SyncRun.objects.filter(pk=self.run.pk, cancel_requested_at__isnull=True).update(
                **{name: getattr(self.run, name) for name in _SAVED}
            )
            if not saved:
                # The record's last save would write over it.
                self.run.cancel_requested_at = SyncRun.objects.values_list(
                    "cancel_requested_at", flat=True
                ).get(pk=self.run.pk)
                raise RunCancelled("The run was cancelled.")
        self._show()

    def finish(self, state: SyncRun.State, *, waiting_until: datetime | None = None) -> None:
        """Close the record; ``waiting_until`` says when a postponed run goes on."""
        self._requests.update()
        self.run.state = state
        self.run.phase = self.run.waiting_for = ""
        self.run.rows_per_second = self.run.seconds_left = None
        self.run.waiting_until = waiting_until
        self.run.finished_at = self.run.heartbeat_at = timezone.now()
        if self.run.pk:
            self.run.save()
        self._on_progress(self.run)

    def _stop_if_asked(self) -> None:
        if self._should_stop():
            raise RunStopped("The process was asked to end.")

    def _open_notes(self) -> ChangeNotes | None:
        # A first sync would note every row; a dry run writes none.
        if self.run.first or self.run.dry_run:
            return None
        if self._notes is None and self.run.pk:
            self._notes = ChangeNotes(store_id=self.run.store_id, run_id=self.run.pk)
        return self._notes

    def _show(self) -> None:
        self._on_progress(self.run)
        now = self._clock()
        if now - self._logged_at >= LOG_SECONDS:
            self._logged_at = now
            logger.info("%s", sentence(self.run))
