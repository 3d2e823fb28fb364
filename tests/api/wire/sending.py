"""A client whose clock stands still, and what the remote answers at its best."""

from __future__ import annotations

import time
from typing import Any

import requests

from pandabase_django.api.auth import BearerAuth
from pandabase_django.api.client import Client
from pandabase_django.api.wire.rate import RateLimits
from pandabase_django.api.wire.timeouts import RequestPolicy
from pandabase_django.api.wire.transport import Transport
from pandabase_django.crypto.secret import Secret

__all__ = ["BASE", "KNOWN", "OK", "UNKNOWN", "URL", "Clock", "client", "transport"]

BASE = "https://api.pandabase.io"
URL = f"{BASE}/v2/core/stores/shp_1/products"
EMPTY = {"items": [], "pagination": {"page": 1, "limit": 100, "total": 0, "totalPages": 0}}
OK = {"ok": True, "data": EMPTY}

# Answers to a write, after which it may have been executed; and those after which it surely wasn't.
UNKNOWN: dict[str, dict[str, Any]] = {
    "500": {"status": 500, "json": {"ok": False, "error": "oops"}},
    "502 of a proxy": {"status": 502, "body": "<h1>Bad gateway</h1>"},
    "503": {"status": 503, "json": {"ok": False, "error": "busy"}, "headers": {"Retry-After": "1"}},
    "408 of a proxy": {"status": 408, "body": ""},
    "a page": {"status": 200, "body": "<h1>Welcome</h1>"},
    "cut JSON": {"status": 201, "body": '{"ok": true, "da'},
    "no object": {"status": 201, "json": {"ok": True, "data": None}},
    "a redirect": {"status": 303, "headers": {"Location": "/x"}},
    "a broken connection": {"body": requests.ConnectionError("reset")},
    "silence": {"body": requests.ReadTimeout()},
}
KNOWN: dict[str, dict[str, Any]] = {
    "400": {"status": 400, "json": {"ok": False, "error": "no"}},
    "409": {"status": 409, "json": {"ok": False, "error": "in flight"}},
    "501": {"status": 501, "json": {"ok": False, "error": "no such method"}},
}


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
    tried = ("timeouts", "retries", "max_wait_seconds")
    policy = RequestPolicy(**{name: options.pop(name) for name in tried if name in options})
    limits = RateLimits(
        store_id="shp_1",
        token_key=options.pop("token_key", "t1"),
        state=options.pop("rate_state", None),
    )
    given = {"base_url": BASE, "auth": BearerAuth(Secret("sk_test_abcdefgh")), **options}
    return Transport(limits=limits, policy=policy, clock=clock, sleep=clock.sleep, **given)


def client(*, declared_permissions: frozenset[str] = frozenset(), **options: Any) -> Client:
    return Client(transport(**options), declared_permissions=declared_permissions)
