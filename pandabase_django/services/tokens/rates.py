"""Shares exhausted rate limits between all workers, through one of Django's caches."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from functools import cached_property

from django.core.cache import BaseCache, caches

from pandabase_django.api.wire.rate import scopes_of
from pandabase_django.conf import conf
from pandabase_django.models import ApiToken
from pandabase_django.services.caching import unless_cache_fails

__all__ = ["CacheRateState", "forget_limits"]

PREFIX = "pandabase:rate:"
LOOK_EVERY_SECONDS = 0.5


class CacheRateState:
    """A ``RateState`` that asks the cache at most twice a second, and remembers in between.

    Without that pause every request would cost a round trip to the cache. While the cache is down
    each client knows of its own limits alone: that costs a 429 now and then. An error here would
    cost more, since it would come after the answer to a roll has arrived and before it is kept.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}
        self._looked_at = 0.0

    @cached_property
    def _cache(self) -> BaseCache:
        # Made when it is asked: one whose library is missing fails as one that is down.
        return caches[conf.rate_limit_cache]

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
        unless_cache_fails(lambda: self._cache.set(PREFIX + scope, until, timeout=timeout), None)

    def _shared(self, scopes: Sequence[str]) -> Mapping[str, float]:
        keys = [PREFIX + scope for scope in scopes]
        return unless_cache_fails(lambda: self._cache.get_many(keys), {})


def forget_limits(token: ApiToken) -> None:
    """Forget the limits that a token's requests met, of its store and of this address too."""
    scopes = scopes_of(store_id=token.store_id, token_key=str(token.pk))
    keys = [PREFIX + scope for scope in scopes]
    unless_cache_fails(lambda: caches[conf.rate_limit_cache].delete_many(keys), None)
