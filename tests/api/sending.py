"""A client whose clock stands still, and what the remote answers at its best."""

from __future__ import annotations

import time
from typing import Any

from pandabase_django.api.auth import BearerAuth
from pandabase_django.api.client import Client
from pandabase_django.api.transport import Transport
from pandabase_django.crypto.secret import Secret

__all__ = ["BASE", "OK", "URL", "Clock", "client", "transport"]

BASE = "https://api.pandabase.io"
URL = f"{BASE}/v2/core/stores/shp_1/products"
EMPTY = {"items": [], "pagination": {"page": 1, "limit": 100, "total": 0, "totalPages": 0}}
OK = {"ok": True, "data": EMPTY}


class Clock:
    """Stands still; sleeping moves it."""

    def __init__(self) -> None:
        self.now = time.time()
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def transport(**options: Any) -> Transport:
    clock = options.pop("clock", None) or Clock()
    given = {
        "base_url": BASE,
        "auth": BearerAuth(Secret("sk_test_abcdefgh")),
        "store_id": "shp_1",
        "token_key": "t1",
        **options,
    }
    return Transport(clock=clock, sleep=clock.sleep, **given)


def client(*, declared_permissions: frozenset[str] = frozenset(), **options: Any) -> Client:
    return Client(transport(**options), declared_permissions=declared_permissions)
