"""Shares exhausted rate limits between all workers, through one of Django's caches."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence

from django.core.cache import caches

from pandabase_django.conf import conf

__all__ = ["CacheRateState"]

logger = logging.getLogger(__name__)

PREFIX = "pandabase:rate:"
LOOK_EVERY_SECONDS = 0.5
TELL_EVERY_SECONDS = 60.0


class CacheRateState:
    """A ``RateState`` that asks the cache at most twice a second, and remembers in between.

    Without that pause every request would cost a round trip to the cache. While the cache is down
    each client knows of its own limits alone: that costs a 429 now and then. An error here would
    cost more, since it would come after the answer to a roll has arrived and before it is kept.
    """

    _told_at = float("-inf")

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
                for key, until in self._shared(scopes).items():
                    scope = key.removeprefix(PREFIX)
                    self._until[scope] = max(until, self._until.get(scope, 0.0))
            return max((self._until[s] for s in scopes if s in self._until), default=None)

    def block(self, scope: str, until: float) -> None:
        with self._lock:
            self._until[scope] = max(until, self._until.get(scope, 0.0))
        # One second more than the block: the cache's clock may differ from ours.
        timeout = max(1.0, until - time.time() + 1.0)
        try:
            self._cache.set(PREFIX + scope, until, timeout=timeout)
        except Exception as error:  # noqa: BLE001  backends raise what their libraries do
            self._tell(error)

    def _shared(self, scopes: Sequence[str]) -> Mapping[str, float]:
        try:
            return self._cache.get_many([PREFIX + scope for scope in scopes])
        except Exception as error:  # noqa: BLE001  as above
            self._tell(error)
            return {}

    @classmethod
    def _tell(cls, error: Exception) -> None:
        """Once a minute in each process: every request would say the same."""
        now = time.monotonic()
        if now - cls._told_at >= TELL_EVERY_SECONDS:
            cls._told_at = now
            logger.warning("The rate-limit cache fails (%s).", type(error).__name__)
