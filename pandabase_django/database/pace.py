"""Leaves others room between many small transactions."""

from __future__ import annotations

import time

from pandabase_django.database import connection

__all__ = ["Pace"]

WORK_SECONDS = 0.5
# SQLite's writers wait by trying again, at last each 100 ms: a shorter pause they may all miss.
REST_SECONDS = 0.12


class Pace:
    """Rests now and then, where the next writer would not get its turn otherwise.

    PostgreSQL has a queue for each lock. On SQLite whoever writes one small transaction after the
    other keeps all others out, for as long as it takes.
    """

    def __init__(self) -> None:
        self._since = time.monotonic()

    def rest(self) -> None:
        """Call it between two transactions."""
        if connection.vendor != "sqlite" or time.monotonic() - self._since < WORK_SECONDS:
            return
        time.sleep(REST_SECONDS)
        self._since = time.monotonic()
