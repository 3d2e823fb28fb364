"""Remembers which rate limits are exhausted, so that no worker runs into them (Source: P-29)."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from pandabase_django.api.wire.headers import blocked_until
from pandabase_django.api.wire.replies import RawReply

__all__ = ["MemoryRateState", "RateLimits", "RateState", "scopes_of"]

_SCOPE_NAMES: Mapping[str, str] = {
    "ip": "this address",
    "store": "the store",
    "token": "the token",
}


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


def scopes_of(*, store_id: str, token_key: str) -> tuple[str, str, str]:
    """What limits of a token's requests are remembered by: the address, the store, the token."""
    return "ip", f"store:{store_id}", f"token:{token_key}"


class RateLimits:
    """The limits that the requests of one token meet.

    Args:
        store_id: The store that is called.
        token_key: Tells the token from others; not a secret.
        state: Remembers exhausted limits.
    """

    def __init__(self, *, store_id: str, token_key: str, state: RateState | None = None) -> None:
        self.store_id = store_id
        self._scopes = scopes_of(store_id=store_id, token_key=token_key)
        self._state = state if state is not None else MemoryRateState()

    def note(self, reply: RawReply, *, sent_at: float) -> None:
        """Remember a limit that this reply says is exhausted; an unknown one is the token's."""
        until = blocked_until(
            reply.headers,
            refused=reply.status == 429,
            sent_at=sent_at,
            received_at=reply.received_at,
        )
        if until is not None:
            ip, store, token = self._scopes
            by_type = {"GlobalResource": ip, "StoreResource": store}
            self._state.block(by_type.get(reply.headers.get("X-RateLimit-Type", ""), token), until)

    def seconds_blocked(self, now: float) -> float:
        """For how long nothing may be sent."""
        until = self._state.blocked_until(self._scopes)
        return 0.0 if until is None else max(0.0, until - now)

    def blocking(self) -> str:
        """Whose limit is exhausted for the longest time, in words."""
        longest = max(self._scopes, key=lambda scope: self._state.blocked_until((scope,)) or 0.0)
        return _SCOPE_NAMES[longest.partition(":")[0]]
