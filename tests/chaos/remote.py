"""The sandbox as a process of its own, and the history of what it showed."""

from __future__ import annotations

import json
import time
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.chaos.processes import Kept

__all__ = ["Remote"]


class Remote:
    """The remote side.

    Args:
        port: Where it listens.
        seed: Of its store.
        folder: For its state and log.
        environment: Of its process.
    """

    def __init__(self, *, port: int, seed: int, folder: Path, environment: dict[str, str]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        command = ("django", "pandabase_sandbox", "--port", str(port), "--seed", str(seed))
        self.process = Kept(
            "sandbox",
            *command,
            *("--products", "60", "--orders", "300", "--latency-ms", "2", "--webhook-http"),
            *("--webhook-duplicates", "1", "--webhook-jitter-ms", "3000"),
            *("--webhook-time-factor", "200", "--state", str(folder / "remote.state")),
            folder=folder,
            environment=environment,
        )
        self.secrets: set[str] = set()
        """All that were ever valid."""
        self.events: dict[str, str] = {}
        """Names of all events that it was to deliver, by their ids."""
        self.absences: defaultdict[str, list[list[float]]] = defaultdict(list)
        """When each id was gone: beginning and end, in seconds since 1970."""
        self._seen = 0
        self.missed = 0

    def start(self) -> None:
        self.process.start()
        deadline = time.monotonic() + 60
        while True:
            try:
                self.ask("settings")
                return
            except OSError:
                assert time.monotonic() < deadline, "the sandbox does not start"
                time.sleep(0.1)

    def ask(self, call: str, body: Any = None, *, method: str | None = None) -> Any:
        """Call the control path.

        Raises:
            OSError: It is not there, or refuses.
        """
        request = urllib.request.Request(
            f"{self.url}/_sandbox/{call}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())["data"]

    def dump(self, kind: str) -> list[dict[str, Any]]:
        """All objects that it shows."""
        url = f"{self.url}/_sandbox/dump?kind={kind}&include_deleted=0"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return [json.loads(line) for line in answer if line.strip()]

    def change(self, **change: Any) -> list[str]:
        """Change the store, and remember what is gone since when."""
        verb, began = change["op"].partition("_")[0], time.time()
        ids: list[str] = self.ask("changes", [change])["ids"]
        for pk in ids:
            is_absent = bool(self.absences[pk]) and self.absences[pk][-1][1] == float("inf")
            if verb == "delete" and not is_absent:
                self.absences[pk].append([began, float("inf")])
            elif verb == "undelete" and is_absent:
                self.absences[pk][-1][1] = time.time()
        return ids

    def look(self) -> None:
        """Remember the secrets that are valid now, and the events since the last look."""
        self.secrets.update(token["secret"] for token in self.ask("tokens?secrets=1"))
        for one in self.ask(f"deliveries?since={self._seen}"):
            self.missed += one["number"] != self._seen + 1
            self._seen = one["number"]
            self.events[one["event_id"]] = one["event"]
