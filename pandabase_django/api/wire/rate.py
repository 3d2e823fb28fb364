"""Remembers which rate limits are exhausted, so that no worker runs into them (Source: P-29).

What is exhausted is known too late where several workers share a limit: what they all have under
way by then is refused. So for a minute after somebody met a limit, all who share it have each
request counted beforehand, in the limit's own windows of time. A client lives as long as one run,
so that the windows are kept with the blocks: the next client counts from its first request.

That needs one limit for each scope. Endpoints may have limits of their own, and no header says of
which one it speaks: where answers disagree, nothing is counted.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pandabase_django.api.wire.headers import MAX_BLOCK_SECONDS, blocked_until, window_of
from pandabase_django.api.wire.replies import RawReply

__all__ = ["MemoryRateState", "RateLimits", "RateState", "Windows", "scopes_of"]

COUNT_FOR_SECONDS = 60.0  # since a limit was met; in between, nobody pays for the count
_SCOPE_NAMES: Mapping[str, str] = {
    "ip": "this address",
    "store": "the store",
    "token": "the token",
}


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows in which a limit counts.

    Attributes:
        limit: Requests in each; 0 when answers disagree.
        reset: When one of them ended or ends, by the remote's clock.
        ahead_seconds: How far our clock is ahead of it.
        counted_until: Requests are counted in them until then, by our clock.
        seconds: How long they are; infinite while that is not known.
    """

    limit: int
    reset: float
    ahead_seconds: float
    counted_until: float
    seconds: float = math.inf

    def then(self, newer: Windows) -> Windows:
        """The newer one, which two ends have shown the length of."""
        if newer.limit != self.limit:
            return replace(self, limit=0, counted_until=newer.counted_until)
        apart = newer.reset - self.reset
        if apart < 0:
            return self  # an answer that was overtaken
        seconds = min(self.seconds, apart) if apart > 0 else self.seconds
        return replace(newer, seconds=seconds)

    def end_at(self, now: float) -> float | None:
        """When the window of this moment ends, by the remote's clock; None when nobody knows."""
        if not self.limit:
            return None
        over = now - self.ahead_seconds - self.reset
        if over < 0:
            return self.reset
        if math.isinf(self.seconds):
            return None
        return self.reset + (math.floor(over / self.seconds) + 1) * self.seconds


class RateState(Protocol):
    """Shared memory of exhausted limits. Times are Unix epoch seconds."""

    def blocked_until(self, scopes: Sequence[str]) -> float | None:
        """The latest end of a block among these scopes; None when there is none."""

    def block(self, scope: str, until: float) -> None:
        """Nothing may be sent in this scope before that time."""

    def windows(self, scopes: Sequence[str]) -> Mapping[str, Windows]:
        """The windows of these scopes that somebody shared; they may be out of date."""

    def share(self, scope: str, windows: Windows) -> None:
        """Let all who share this scope know its windows."""

    def count(self, scope: str, window: int, *, seconds: float) -> int:
        """Count one request in a window; the window may be forgotten after so many seconds.

        Returns:
            How many were counted, this one included; 0 when nobody counts.
        """


class MemoryRateState:
    """For one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}
        self._windows: dict[str, Windows] = {}
        self._counted: dict[str, tuple[int, int]] = {}

    def blocked_until(self, scopes: Sequence[str]) -> float | None:
        with self._lock:
            return max((self._until[s] for s in scopes if s in self._until), default=None)

    def block(self, scope: str, until: float) -> None:
        with self._lock:
            self._until[scope] = max(until, self._until.get(scope, 0.0))

    def windows(self, scopes: Sequence[str]) -> Mapping[str, Windows]:
        with self._lock:
            return {s: self._windows[s] for s in scopes if s in self._windows}

    def share(self, scope: str, windows: Windows) -> None:
        with self._lock:
            self._windows[scope] = windows

    def count(self, scope: str, window: int, *, seconds: float) -> int:
        with self._lock:
            last, counted = self._counted.get(scope, (window, 0))
            counted = counted + 1 if last == window else 1
            self._counted[scope] = window, counted
            return counted


def scopes_of(*, store_id: str, token_key: str) -> tuple[str, str, str]:
    """What limits of a token's requests are remembered by: the address, the store, the token."""
    return "ip", f"store:{store_id}", f"token:{token_key}"


class RateLimits:
    """The limits that the requests of one token meet.

    Args:
        store_id: The store that is called.
        token_key: Tells the token from others; not a secret.
        state: Remembers exhausted limits.
        store_key: What the store's limit is remembered by; None for the store's id.
    """

    def __init__(
        self,
        *,
        store_id: str,
        token_key: str,
        state: RateState | None = None,
        store_key: str | None = None,
    ) -> None:
        self.store_id = store_id
        self._scopes = scopes_of(store_id=store_key or store_id, token_key=token_key)
        self._state = state if state is not None else MemoryRateState()
        self._windows: dict[str, Windows] = {}
        self._counts_until = 0.0

    def note(self, reply: RawReply, *, sent_at: float) -> None:
        """Remember a limit that this reply says is exhausted; an unknown one is the token's."""
        scope = self._scope_of(reply)
        until = blocked_until(
            reply.headers,
            refused=reply.status == 429,
            sent_at=sent_at,
            received_at=reply.received_at,
        )
        if until is not None:
            self._counts_until = reply.received_at + COUNT_FOR_SECONDS
            self._state.block(scope, until)
        # Only then: it is done for each answer.
        if reply.received_at < self._counts_until:
            self._note_window(scope, reply, sent_at=sent_at)
        elif self._windows:
            self._windows = {}

    def seconds_blocked(self, now: float) -> float:
        """For how long nothing may be sent."""
        until = self._state.blocked_until(self._scopes)
        if until is None or until <= now:
            return 0.0
        self._counts_until = now + COUNT_FOR_SECONDS
        return until - now

    def admits(self, now: float) -> bool:
        """Count a request that is to be sent now; False when a limit has none left for it."""
        if self.seconds_blocked(now):
            return False
        for scope, windows in self._state.windows(self._scopes).items():
            if windows.counted_until > now and scope not in self._windows:
                self._windows[scope] = windows
                self._counts_until = max(self._counts_until, windows.counted_until)
        if now >= self._counts_until:
            return True
        for scope, windows in list(self._windows.items()):
            end = windows.end_at(now)
            ends_at = math.inf if end is None else end + windows.ahead_seconds
            # A reset that is far away may be wrong, and would stop the shop until then.
            if end is None or ends_at > now + MAX_BLOCK_SECONDS:
                continue
            counted = self._state.count(scope, round(end), seconds=ends_at - now + 1.0)
            if counted > windows.limit:
                self._state.block(scope, ends_at)
                return False
        return True

    def blocking(self) -> str:
        """Whose limit is exhausted for the longest time, in words."""
        longest = max(self._scopes, key=lambda scope: self._state.blocked_until((scope,)) or 0.0)
        return _SCOPE_NAMES[longest.partition(":")[0]]

    def _scope_of(self, reply: RawReply) -> str:
        ip, store, token = self._scopes
        by_type = {"GlobalResource": ip, "StoreResource": store}
        return by_type.get(reply.headers.get("X-RateLimit-Type", ""), token)

    def _note_window(self, scope: str, reply: RawReply, *, sent_at: float) -> None:
        found = window_of(reply.headers, sent_at=sent_at, received_at=reply.received_at)
        if found is None:
            return
        newer, known = Windows(*found, self._counts_until), self._windows.get(scope)
        windows = newer if known is None else known.then(newer)
        if known is None or (windows.limit, windows.reset) != (known.limit, known.reset):
            self._state.share(scope, windows)  # once in each window, not for each answer
        self._windows[scope] = windows
