"""Shares exhausted rate limits between all workers, through one of Django's caches."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from functools import cached_property
from typing import Any

from django.core.cache import BaseCache, caches

from pandabase_django.api.wire.rate import Windows, scopes_of
from pandabase_django.conf import conf
from pandabase_django.models import ApiToken
from pandabase_django.services.caching import unless_cache_fails

__all__ = ["CacheRateState", "forget_limits", "public_key"]

PREFIX = "pandabase:rate:"
# The name changes with the fields of Windows: in a deploy, two versions share the cache.
WINDOWS = f"{PREFIX}windows-1:"
LOOK_EVERY_SECONDS = 0.5


class CacheRateState:
    """A ``RateState`` that asks the cache at most twice a second, and remembers in between.

    Without that pause every request would cost a round trip to the cache; those that are counted
    cost one or two. While the cache is down each client knows of its own limits alone: that costs a
    429 now and then. An error here would cost more: an answer that has arrived.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}
        self._windows: dict[str, Windows] = {}
        self._looked_at = 0.0

    @cached_property
    def _cache(self) -> BaseCache:
        # Made when it is asked: one whose library is missing fails as one that is down.
        return caches[conf.rate_limit_cache]

    def blocked_until(self, scopes: Sequence[str]) -> float | None:
        with self._lock:
            self._look(scopes)
            return max((self._until[s] for s in scopes if s in self._until), default=None)

    def block(self, scope: str, until: float) -> None:
        with self._lock:
            self._until[scope] = max(until, self._until.get(scope, 0.0))
        # One second more than the block: the cache's clock may differ from ours.
        timeout = max(1.0, until - time.time() + 1.0)
        unless_cache_fails(lambda: self._cache.set(PREFIX + scope, until, timeout=timeout), None)

    def windows(self, scopes: Sequence[str]) -> Mapping[str, Windows]:
        with self._lock:
            self._look(scopes)
            return {s: self._windows[s] for s in scopes if s in self._windows}

    def share(self, scope: str, windows: Windows) -> None:
        with self._lock:
            self._windows[scope] = windows
        timeout = max(1.0, windows.counted_until - time.time())
        unless_cache_fails(
            lambda: self._cache.set(WINDOWS + scope, astuple(windows), timeout=timeout), None
        )

    def count(self, scope: str, window: int, *, seconds: float) -> int:
        key = f"{PREFIX}{scope}:{window}"
        return unless_cache_fails(lambda: self._counted(key, timeout=math.ceil(seconds)), 0)

    def _counted(self, key: str, *, timeout: int) -> int:
        if self._cache.add(key, 1, timeout=timeout):
            return 1
        try:
            return self._cache.incr(key)
        except ValueError:  # it has just expired
            return 1

    def _look(self, scopes: Sequence[str]) -> None:
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY_SECONDS:
            return
        self._looked_at = now
        keys = _keys(scopes)
        shared: dict[str, Any] = unless_cache_fails(lambda: self._cache.get_many(keys), {})
        for scope in scopes:
            if until := shared.get(PREFIX + scope):
                self._until[scope] = max(until, self._until.get(scope, 0.0))
            if found := shared.get(WINDOWS + scope):
                self._windows[scope] = Windows(*found)


def _keys(scopes: Sequence[str]) -> list[str]:
    return [prefix + scope for prefix in (PREFIX, WINDOWS) for scope in scopes]


def public_key(store_id: str) -> str:
    """What the limits of a store's public calls are remembered by."""
    return f"public-{store_id}"


def forget_limits(token: ApiToken) -> None:
    """Forget the limits that a token's requests met; its store's, public ones, this address's."""
    public = public_key(token.store_id)
    keys = [
        *_keys(scopes_of(store_id=token.store_id, token_key=str(token.pk))),
        *_keys(scopes_of(store_id=public, token_key=public)),
    ]
    unless_cache_fails(lambda: caches[conf.rate_limit_cache].delete_many(keys), None)
