"""Counts the requests of a run, and those of each of its steps."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from datetime import timezone as utc_zone

from pandabase_django.api.wire.traffic import Traffic
from pandabase_django.models import SyncRun

__all__ = ["RequestCount"]


class RequestCount:
    """Keeps the numbers of requests and waits in a run's record.

    Args:
        run: The record.
    """

    def __init__(self, run: SyncRun) -> None:
        self._run = run
        self._traffic: Traffic | None = None
        self._before = 0
        self._waited_before = 0.0
        self._counted: Counter[str] = Counter()
        self._of_helpers = 0

    def watch(self, traffic: Traffic) -> None:
        """Count the requests of this client from now on, on top of those of earlier ones."""
        self._before = self._run.requests
        self._waited_before = self._run.seconds_waited
        self._traffic = traffic
        self._counted.clear()

    def include(self, *, requests: int, seconds_waited: float) -> None:
        """Count what another process sent and slept for this run."""
        self._before += requests
        self._of_helpers += requests
        self._waited_before += seconds_waited

    def begin_step(self) -> None:
        """Count helpers' requests for another step from now on."""
        self._of_helpers = 0

    def end_step(self, strategy: str) -> int:
        """Requests of this strategy since its last step ended, and those of helpers."""
        self.update()
        if self._traffic is None:
            return self._of_helpers
        sent = self._traffic.requests_for(strategy)
        before, self._counted[strategy] = self._counted[strategy], sent
        return sent - before + self._of_helpers

    def update(self) -> None:
        """Write what was sent and slept so far into the record."""
        if self._traffic is None:
            return
        run, wait = self._run, self._traffic.waiting
        run.waiting_for = wait.scope if wait else ""
        run.waiting_until = datetime.fromtimestamp(wait.until, tz=utc_zone.utc) if wait else None
        run.requests = self._before + self._traffic.requests_sent
        run.seconds_waited = self._waited_before + self._traffic.seconds_waited
