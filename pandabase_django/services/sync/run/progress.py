"""How fast a run goes and how long it will take, for the people who watch it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

from pandabase_django.models import SyncRun

__all__ = ["Pace", "seconds_left", "sentence"]

WINDOW_SECONDS = 30.0  # the speed is that of the last half minute, not of the whole phase
SAMPLES_APART_SECONDS = 0.25


class Pace:
    """Speed of one phase, from how far it was at a few moments.

    Args:
        clock: Replaces ``time.monotonic``.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()

    def restart(self) -> None:
        """Forget the phase before."""
        self._samples.clear()

    def reached(self, done: int) -> None:
        """Note how many rows are done now."""
        now = self._clock()
        samples = self._samples
        if samples and done < samples[-1][1]:
            samples.clear()
        if len(samples) > 1 and now - samples[-2][0] < SAMPLES_APART_SECONDS:
            samples.pop()
        samples.append((now, done))
        while len(samples) > 2 and now - samples[1][0] > WINDOW_SECONDS:
            samples.popleft()

    @property
    def rows_per_second(self) -> float | None:
        """None until two moments are known."""
        if len(self._samples) < 2:
            return None
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        return (after - before) / (end - start) if end > start else None


def seconds_left(run: SyncRun) -> int | None:
    """Of the phase under way; None while it is not known."""
    if not run.rows_per_second or run.progress_total is None:
        return None
    return round(max(0, run.progress_total - run.progress_done) / run.rows_per_second)


def sentence(run: SyncRun, *, now: datetime | None = None, width: int | None = None) -> str:
    """One line for a terminal or a log, in English as all lines there are.

    Args:
        run: The run.
        now: Replaces the present time.
        width: Characters there is room for; what matters least gives way. None takes all.
    """
    phase = run.phase or f"{run.resource}: {run.state}"
    done = f"{run.progress_done:,}" if run.progress_done else ""
    if run.progress_total is not None:
        done = f"{run.progress_done:,} of {run.progress_total:,}"
    rate = f"{run.rows_per_second:,.0f} rows/s" if run.rows_per_second else ""
    time_left = f"about {_duration(run.seconds_left)} left" if run.seconds_left is not None else ""
    if run.waiting_until is not None:
        seconds = max(0.0, (run.waiting_until - (now or timezone.now())).total_seconds())
        rate, time_left = "", f"waiting {seconds:.0f} s for the rate limit of {run.waiting_for}"
    requests = f"{run.requests:,} requests"
    lines = [
        ", ".join(filter(None, parts))
        for parts in (
            (f"{run.store_id}: {phase}", done, rate, time_left, requests),
            (phase, done, rate, time_left, requests),
            (phase, done, time_left, requests),
            (phase, done, time_left),
            (done, time_left or phase),
        )
    ]
    return next((line for line in lines if width is None or len(line) <= width), lines[-1])


def _duration(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
