"""Shares exhausted rate limits between all workers, through one of Django's caches."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from django.core.cache import caches

from pandabase_django.conf import conf

__all__ = ["CacheRateState"]

PREFIX = "pandabase:rate:"
LOOK_EVERY_SECONDS = 0.5


class CacheRateState:
    """A ``RateState`` that asks the cache at most twice a second, and remembers in between.

    Without that pause every request would cost a round trip to the cache.
    """

    def __init__(self) -> None:
        self._cache = caches[conf.rate_limit_cache]
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}
        self._looked_at = 0.0

    def blocked_until(self, scopes: Sequence[str]) -> float | None:
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at >= LOOK_EVERY_SECONDS:
                self._looked_at = now
                found = self._cache.get_many([PREFIX + scope for scope in scopes])
                for key, until in found.items():
                    scope = key.removeprefix(PREFIX)
                    self._until[scope] = max(until, self._until.get(scope, 0.0))
            return max((self._until[s] for s in scopes if s in self._until), default=None)

    def block(self, scope: str, until: float) -> None:
        with self._lock:
            self._until[scope] = max(until, self._until.get(scope, 0.0))
        # One second more than the block: the cache's clock may differ from ours.
        self._cache.set(PREFIX + scope, until, timeout=max(1.0, until - time.time() + 1.0))
