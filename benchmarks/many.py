"""So many sandboxes behind one port, as a process of its own: each request says its store.

``python -m benchmarks.many 50 --orders 100 --giant 200000`` prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from benchmarks.remote import Remote
from pandabase_django.sandbox import Sandbox
from pandabase_django.sandbox.http.server import Server
from pandabase_django.sandbox.http.wire import Request, Response, failure, success

__all__ = ["Remotes", "running_many"]

CONTROL = "/_bench"


@dataclass(frozen=True, slots=True)
class Remotes:
    """Several stores of one address.

    Attributes:
        url: The address.
        stores: Each with a control path of its own; the large one, if there is one, comes last.
    """

    url: str
    stores: list[Remote]

    def counts(self) -> dict[str, int]:
        """Since the start: ``requests``, ``refused`` (429), and ``bytes`` that were answered."""
        counted: dict[str, int] = requests.get(f"{self.url}{CONTROL}", timeout=60).json()["data"]
        return counted

    def pass_time(self, seconds: float) -> None:
        """So much time passes in all stores."""
        asked = {"pass_seconds": seconds}
        requests.post(f"{self.url}{CONTROL}", json=asked, timeout=60).raise_for_status()


class _Host:
    """Answers for all of them."""

    def __init__(self, sandboxes: list[Sandbox]) -> None:
        self._stores = {one.store_id: one for one in sandboxes}
        self._keys = {one.control_url.rpartition("/")[2]: one for one in sandboxes}
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def handle(self, request: Request) -> Response:
        if request.path == CONTROL:
            return self._control(request)
        segments = request.segments
        if segments[:1] == ["_sandbox"]:
            return self._keys[segments[1]].answer(request)
        store = next((self._stores[part] for part in segments if part in self._stores), None)
        response = store.answer(request) if store else failure(404, "No such store")
        size = len(response.head(keep_alive=True)) + len(response.body)
        with self._lock:
            self._counts.update(requests=1, bytes=size, refused=response.status == 429)
        return response

    def _control(self, request: Request) -> Response:
        if request.method == "POST":
            for store in self._stores.values():
                store.pass_time(seconds=request.json()["pass_seconds"])
        return success({"requests": 0, "bytes": 0, "refused": 0, **self._counts})


@contextmanager
def running_many(
    small: int, *, orders: int, giant: int = 0, latency_ms: float, rate_limit: int = 0
) -> Iterator[Remotes]:
    """So many stores, and one with ``giant`` orders, for the duration of the block."""
    given = {"orders": orders, "giant": giant, "latency-ms": latency_ms, "rate-limit": rate_limit}
    command = [sys.executable, "-m", "benchmarks.many", str(small)]
    for name, value in given.items():
        command += [f"--{name}", str(value)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line: dict[str, Any] = json.loads(process.stdout.readline())
        yield Remotes(line["url"], [Remote(**one) for one in line["stores"]])
    finally:
        process.terminate()
        process.wait()


def _described(one: Sandbox, url: str, orders: int) -> dict[str, Any]:
    return {
        "url": url,
        "store_id": one.store_id,
        "token_id": one.hmac_token.token_id,
        "secret": one.hmac_token.secret,
        "control_url": one.control_url.replace(one.url, url),
        "orders": orders,
    }


def main() -> None:
    """Answer until this process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("small", type=int)
    parser.add_argument("--orders", type=int, default=100, help="of each, and as many products")
    parser.add_argument("--giant", type=int, default=0, help="orders of one more store")
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--rate-limit", type=int, default=0)
    asked = parser.parse_args()
    sizes = [asked.orders] * asked.small + ([asked.giant] if asked.giant else [])
    sandboxes = [
        Sandbox(
            seed=number,
            products=asked.orders,
            orders=orders,
            listen=False,
            deliver=False,
            latency_ms=asked.latency_ms,
            rate_limit=asked.rate_limit,
        )
        for number, orders in enumerate(sizes, start=1)
    ]
    server = Server(_Host(sandboxes).handle)
    server.start()
    stores = [_described(one, server.url, n) for one, n in zip(sandboxes, sizes, strict=True)]
    print(json.dumps({"url": server.url, "stores": stores}), flush=True)
    server.wait()


if __name__ == "__main__":
    main()
