"""Replays of a write that carries an ``Idempotency-Key``. Source: P-10."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import ClassVar

from pandabase_django.sandbox.http.wire import Response, failure

__all__ = ["Kept", "Replays", "is_key"]

_KEPT_SECONDS = 86_400
_KEY = re.compile(r"[A-Za-z0-9_-]{8,32}", re.ASCII)


def is_key(text: str) -> bool:
    """Whether a text is a key that both of the vendor's descriptions allow."""
    return _KEY.fullmatch(text) is not None


@dataclass
class Kept:
    """The answer to one key."""

    body_digest: bytes
    at: float
    """Seconds since 1970."""
    response: Response | None = None
    """None while the first request is being answered."""


class Replays:
    """Answers of the last 24 hours, by caller, path and key."""

    KEPT: ClassVar[tuple[str, ...]] = ("_kept",)

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: dict[tuple[str, ...], Kept] = {}

    def once(
        self, scope: tuple[str, ...], body: bytes, execute: Callable[[], Response]
    ) -> Response:
        """Execute a request, or repeat the answer it got before.

        Args:
            scope: Caller, method, path and key.
            body: Must be the same in a replay (else 422).
            execute: Does the work. Its answer is kept unless it is a 5xx.
        """
        digest = hashlib.sha256(body).digest()
        with self._guard:
            kept = self._kept.get(scope)
            if kept is not None and time.time() - kept.at < _KEPT_SECONDS:
                return _replay(kept, digest)
            mine = self._kept[scope] = Kept(digest, time.time())
        try:
            response = execute()
        except BaseException:
            self._forget(scope)
            raise
        if response.status >= 500:
            self._forget(scope)
        else:
            mine.response = copy(response)  # headers are added to the one that is returned
        return response

    def forget_unanswered(self) -> None:
        """Of keys whose first request never got an answer, a second one may be executed."""
        self._kept = {scope: kept for scope, kept in self._kept.items() if kept.response}

    def _forget(self, scope: tuple[str, ...]) -> None:
        with self._guard:
            del self._kept[scope]


def _replay(kept: Kept, digest: bytes) -> Response:
    if kept.body_digest != digest:
        return failure(422, "This Idempotency-Key was used with another body")
    if kept.response is None:
        return failure(409, "A request with this Idempotency-Key is still being processed")
    response = copy(kept.response)
    response.headers = {"Idempotent-Replay": "true"}
    response.slept = False
    return response
