"""Requests a second for each token, and the headers that report it. Source: P-29."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass

__all__ = ["Quota", "RateLimiter"]

_UNLIMITED = 10_000
"""What the headers say when no limit is set: every response has them."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What one caller has sent in the current second."""

    limit: int
    remaining: int
    reset_at: int
    """UTC epoch seconds."""
    exceeded: bool

    def headers(self, *, scope: str) -> dict[str, str]:
        """The four X-RateLimit headers."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_at),
            "X-RateLimit-Type": scope,
        }


class RateLimiter:
    """Counts in windows of one second that begin on the second."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._window = 0
        self._counts: dict[str, int] = {}

    def take(self, caller: str, *, limit: int) -> Quota:
        """Count one request.

        Args:
            caller: Token id, or the address of someone without a valid token.
            limit: Requests a second; 0 is no limit.
        """
        now = time.time()
        reset_at = math.floor(now) + 1
        if limit <= 0:
            return Quota(_UNLIMITED, _UNLIMITED - 1, reset_at, exceeded=False)
        with self._guard:
            if reset_at != self._window:
                self._window = reset_at
                self._counts = {}
            used = self._counts.get(caller, 0) + 1
            self._counts[caller] = used
        return Quota(limit, max(0, limit - used), reset_at, exceeded=used > limit)
