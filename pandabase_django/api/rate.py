"""Remembers which rate limits are exhausted, so that no worker runs into them (Source: P-29)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

__all__ = ["MemoryRateState", "RateState", "scope_key"]


class RateState(Protocol):
    """Shared memory of exhausted limits. Times are Unix epoch seconds."""

    def blocked_until(self, scopes: Sequence[str]) -> float | None:
        """The latest end of a block among these scopes; None when there is none."""

    def block(self, scope: str, until: float) -> None:
        """Nothing may be sent in this scope before that time."""


class MemoryRateState:
    """For one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def blocked_until(self, scopes: Sequence[str]) -> float | None:
        with self._lock:
            return max((self._until[s] for s in scopes if s in self._until), default=None)

    def block(self, scope: str, until: float) -> None:
        with self._lock:
            self._until[scope] = max(until, self._until.get(scope, 0.0))


def scope_key(limit_type: str, *, token_key: str, store_id: str) -> str:
    """The scope an ``X-RateLimit-Type`` names; an unknown type is taken for the token's."""
    if limit_type == "GlobalResource":
        return "ip"
    if limit_type == "StoreResource":
        return f"store:{store_id}"
    return f"token:{token_key}"
