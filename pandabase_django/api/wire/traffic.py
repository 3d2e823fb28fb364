"""Counts what one client sends and how long it sleeps; its threads share the counts.

Requests are counted by what they are for as well. Those of several purposes may be under way at
once, so that counts before and after can't separate them; the purpose travels with the context
of the code that asks (``contextvars``), which whoever hands work to a thread hands over too.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["RateLimitWait", "Traffic", "purpose"]

_purpose: ContextVar[str] = ContextVar("pandabase_purpose", default="")


@contextmanager
def purpose(name: str) -> Iterator[None]:
    """Requests that are asked for inside are counted under this name."""
    token = _purpose.set(name)
    try:
        yield
    finally:
        _purpose.reset(token)


@dataclass(frozen=True, slots=True)
class RateLimitWait:
    """A sleep until an exhausted limit is reset.

    Attributes:
        scope: Whose limit it is, as people call it: the address, the token or the store.
        until: Unix epoch seconds.
    """

    scope: str
    until: float


class Traffic:
    """What a client has sent and slept so far."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._seconds_waited = 0.0
        self._waited_until = 0.0
        self._wait: RateLimitWait | None = None

    @property
    def requests_sent(self) -> int:
        """Requests sent so far, retries included."""
        with self._lock:
            return self._requests.total()

    def requests_for(self, purpose: str) -> int:
        """Those of one purpose."""
        with self._lock:
            return self._requests[purpose]

    @property
    def seconds_waited(self) -> float:
        """Seconds in which something slept for a rate limit; threads that sleep at once count once.

        Pauses before retries are not among them.
        """
        return self._seconds_waited

    @property
    def waiting(self) -> RateLimitWait | None:
        """The wait for a rate limit under way; None when requests may be sent."""
        wait = self._wait
        return wait if wait is not None and wait.until > self._clock() else None

    def sends(self) -> None:
        """Count one request."""
        with self._lock:
            self._requests[_purpose.get()] += 1

    def sleeps(self, seconds: float) -> None:
        """Count a sleep for a rate limit that begins now."""
        now = self._clock()
        with self._lock:
            overlap = max(0.0, self._waited_until - now)
            self._seconds_waited += max(0.0, seconds - overlap)
            self._waited_until = max(self._waited_until, now + seconds)

    def waits(self, wait: RateLimitWait) -> None:
        """Show a wait for a rate limit that begins now."""
        self._wait = wait
