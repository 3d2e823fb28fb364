"""The plainest fast reader one would write by hand: pooled connections, a thread for each."""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter

from benchmarks.remote import Remote

__all__ = ["Wire", "several"]

T = TypeVar("T")
A = TypeVar("A")


class Wire:
    """Signed GETs through one session."""

    def __init__(self, remote: Remote, *, connections: int) -> None:
        key = hashlib.sha256(remote.secret.encode()).hexdigest().encode()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {remote.token_id}"
        self._session.headers["X-Signature"] = hmac.new(key, b"", hashlib.sha256).hexdigest()
        self._session.mount("http://", HTTPAdapter(pool_maxsize=connections))
        self._base = f"{remote.url}/v2/core/stores/{remote.store_id}"

    def orders(self, page: int) -> dict[str, Any]:
        """One page of orders: items and pagination."""
        return self._get("/orders", params={"page": page, "limit": 100, "sort": "asc"})

    def order(self, identifier: str) -> dict[str, Any]:
        """One order in its detail form."""
        return self._get(f"/orders/{identifier}")

    def _get(self, path: str, **options: Any) -> dict[str, Any]:
        reply = self._session.get(self._base + path, timeout=60, **options)
        reply.raise_for_status()
        data: dict[str, Any] = reply.json()["data"]
        return data


def several(work: Callable[[A], T], arguments: Iterable[A], *, connections: int) -> Iterator[T]:
    """``work`` of each argument in order, as many at a time as there are connections."""
    with ThreadPoolExecutor(connections) as pool:
        waiting: deque[Future[T]] = deque()
        for argument in arguments:
            waiting.append(pool.submit(work, argument))
            if len(waiting) >= 4 * connections:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
