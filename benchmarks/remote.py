"""The sandbox as a process of its own, with an artificial latency, and its control path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

__all__ = ["Remote", "running"]

PRODUCTS = 250


@dataclass(frozen=True, slots=True)
class Remote:
    """A running sandbox."""

    url: str
    store_id: str
    token_id: str
    secret: str
    control_url: str
    orders: int

    def to_json(self) -> str:
        """For a contestant's environment."""
        names = ("url", "store_id", "token_id", "secret", "control_url", "orders")
        return json.dumps({name: getattr(self, name) for name in names})

    @classmethod
    def from_environment(cls) -> Remote:
        """The sandbox that the bench started."""
        return cls(**json.loads(os.environ["BENCH_REMOTE"]))

    def set(self, **settings: Any) -> None:
        """Change settings, such as ``latency_ms``."""
        requests.post(f"{self.control_url}/settings", json=settings, timeout=60).raise_for_status()

    def change(self, changes: list[dict[str, Any]]) -> list[str]:
        """Change the store; returns the ids touched."""
        reply = requests.post(f"{self.control_url}/changes", json=changes, timeout=600)
        reply.raise_for_status()
        ids: list[str] = reply.json()["data"]["ids"]
        return ids


@contextmanager
def running(*, orders: int, latency_ms: float) -> Iterator[Remote]:
    """A sandbox with so many orders, for the duration of the block."""
    command = [sys.executable, "-m", "django", "pandabase_sandbox"]
    options = {"--orders": orders, "--products": PRODUCTS, "--latency-ms": latency_ms}
    for name, value in options.items():
        command += [name, str(value)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        token = next(token for token in line["tokens"] if token["mode"] == "HMAC")
        yield Remote(
            url=line["url"],
            store_id=line["store"],
            token_id=token["token_id"],
            secret=token["secret"],
            control_url=line["control_url"],
            orders=orders,
        )
    finally:
        process.terminate()
        process.wait()
