"""Whether this process can serve: its database answers, and its cache. Pandabase is not asked.

A database that hangs holds whoever asks it, for hours, and no time-out of a query ends that. So a
thread asks, and who wants to know waits for it a moment. A process has one such thread for each
of the two, however many ask at once, and its answer holds for a second: a stranger who asks often
costs one connection a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from django import db
from django.core.cache import caches

from pandabase_django.conf import conf
from pandabase_django.database import connection
from pandabase_django.exceptions import interruptions
from pandabase_django.models import Store
from pandabase_django.observing.logs import get_logger
from pandabase_django.services.health.system import belongs_to_one_process

__all__ = ["ANSWER_WITHIN_SECONDS", "Probe", "Readiness", "readiness"]

logger = get_logger(__name__)

ANSWER_WITHIN_SECONDS = 2.0
HOLDS_FOR_SECONDS = 1.0
# One that hangs for longer is left alone, and the next takes its place: the database may have come
# back for new connections alone.
LEFT_ALONE_AFTER_SECONDS = 30.0
MOST_THREADS = 5
# With so many that hang, one more is asked so seldom: few an hour, and none for ever would keep
# this process from serving again.
SELDOM_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """What answers.

    Attributes:
        database: The tables can be read.
        cache: The cache for rate limits answers, or belongs to this process alone. Without it
            everything goes on, slower.
    """

    database: bool
    cache: bool


def readiness() -> Readiness:
    """Ask the database and the cache, each for ``ANSWER_WITHIN_SECONDS`` at most.

    SQLite is asked in the caller's thread: a file does not hang, and a lock ends by itself.
    """
    until = time.monotonic() + ANSWER_WITHIN_SECONDS
    if connection.vendor == "sqlite":
        database = _works("database", _ask_database)
    else:
        database = _DATABASE.answers(until=until)
    alias = conf.rate_limit_cache
    cache = belongs_to_one_process(alias) or _CACHE.answers(until=until)
    return Readiness(database, cache)


class Probe:
    """Asks in a thread, one at a time for all callers.

    Args:
        name: What is asked, for the log.
        ask: Raises when there is no good answer.
    """

    def __init__(self, name: str, ask: Callable[[], object]) -> None:
        self._name = name
        self._ask = ask
        self._lock = threading.Lock()
        self._asked: list[_Asked] = []
        self._last: _Asked | None = None

    def answers(self, *, until: float) -> bool:
        """Whether a good answer comes until then, on the monotonic clock."""
        with self._lock:
            asked = self._under_way()
        since_asked = asked.at + ANSWER_WITHIN_SECONDS
        # Who comes to one that hangs already need not wait for it again.
        if not asked.done.wait(max(0.0, min(until, since_asked) - time.monotonic())):
            logger.warning("Not ready: the %s does not answer.", self._name)
        return asked.works

    def _under_way(self) -> _Asked:
        last, now = self._last, time.monotonic()
        if last is not None and last.done.is_set() and now - last.at < HOLDS_FOR_SECONDS:
            return last
        self._asked = [asked for asked in self._asked if not asked.done.is_set()]
        many = len(self._asked) >= MOST_THREADS
        patience = SELDOM_SECONDS if many else LEFT_ALONE_AFTER_SECONDS
        newest = self._asked[-1] if self._asked else None
        if newest is not None and now - newest.at < patience:
            return newest
        asked = _Asked(now)
        threading.Thread(
            target=self._run, args=[asked], name=f"pandabase-{self._name}", daemon=True
        ).start()
        # Once it runs: one that could not be started never ends.
        self._asked.append(asked)
        self._last = asked
        return asked

    def _run(self, asked: _Asked) -> None:
        try:
            asked.works = _works(self._name, self._ask)
        finally:
            asked.done.set()
            with suppress(db.Error):
                db.connections.close_all()
            caches.close_all()


class _Asked:
    """One question, asked at a time of the monotonic clock."""

    def __init__(self, at: float) -> None:
        self.at = at
        self.done = threading.Event()
        self.works = False


def _works(name: str, ask: Callable[[], object]) -> bool:
    try:
        ask()
    except interruptions():
        raise
    except Exception as error:  # noqa: BLE001  each backend has its own; no traceback with values
        logger.warning("Not ready: the %s fails (%s).", name, type(error).__name__)
        return False
    return True


def _ask_database() -> None:
    Store.objects.exists()


def _ask_cache() -> None:
    caches[conf.rate_limit_cache].get("pandabase:ready")


_DATABASE = Probe("database", _ask_database)
_CACHE = Probe("cache", _ask_cache)
