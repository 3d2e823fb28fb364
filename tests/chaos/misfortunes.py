"""What happens to the shop and its remote, several at once, drawn by the dice of a seed."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import redis

from pandabase_django.sandbox import ALL_PERMISSIONS
from tests.chaos.processes import Kept
from tests.chaos.shop import ChaosShop

__all__ = ["Misfortunes"]

MOST_AT_ONCE = 4
LAG_SECONDS = 20.0
PAST_THE_LEASE = 75.0
OF_THE_REMOTE = {"answers", "lag", "permissions", "remote"}
# Each begins, yields for how many seconds it lasts, and ends.
Misfortune = Callable[[], Iterator[float]]

API = {"path_regex": "/stores/"}
ANSWERS: tuple[dict[str, Any], ...] = (
    *({"action": "status", "args": {"status": status}} for status in (401, 403, 404, 500, 503)),
    {"action": "status", "args": {"status": 429, "retry_after_seconds": 3}},
    *({"action": "html", "args": {"status": status}} for status in (200, 403)),
    *({"action": name} for name in ("reset", "close", "commit_then_reset", "truncate", "cut_json")),
    *({"action": name} for name in ("wrong_json", "null_data", "empty_page", "duplicate_items")),
    {"action": "delay", "args": {"seconds": 4}},
    {"action": "drip", "args": {"seconds": 0.05, "bytes": 64}},
    {"action": "drip_head", "args": {"seconds": 0.1}},
    {"action": "edit_total", "args": {"by": -3}},
)


class Misfortunes:
    """Draws them and ends them.

    Args:
        shop: To whom they happen.
        dice: The seed's.
    """

    def __init__(self, shop: ChaosShop, dice: random.Random) -> None:
        self._shop, self._dice = shop, dice
        self._running: dict[str, tuple[float, Iterator[float]]] = {}
        self.happened: Counter[str] = Counter()

    def tick(self) -> None:
        """End what is over, and let something begin now and then."""
        for target, (until, running) in list(self._running.items()):
            if time.monotonic() > until:
                del self._running[target]
                next(running, None)
        if len(self._running) < MOST_AT_ONCE and self._dice.random() < 0.25:
            target, misfortune = self._dice.choice(self._known())
            if not self._clashes(target):
                running = misfortune()
                self._running[target] = (time.monotonic() + next(running), running)

    def _clashes(self, target: str) -> bool:
        # A remote that is away can't be told anything.
        if target not in OF_THE_REMOTE:
            return target in self._running
        others = OF_THE_REMOTE if target == "remote" else {target, "remote"}
        return bool(others & self._running.keys())

    def end(self) -> None:
        """End all of them."""
        for _, running in self._running.values():
            next(running, None)
        self._running.clear()

    @property
    def now(self) -> list[str]:
        return sorted(self._running)

    def _known(self) -> list[tuple[str, Misfortune]]:
        shop = self._shop
        workers = [(one.name, lambda one=one: self._worker(one)) for one in shop.workers]
        return [
            *workers,
            ("beat", lambda: self._killed(shop.beat, most=30)),
            ("web", lambda: self._killed(shop.web, most=15)),
            ("database", self._database),
            ("broker", self._broker),
            ("broker", self._flush),
            ("answers", self._answers),
            ("answers", self._outage),
            ("lag", self._lag),
            ("permissions", self._permissions),
            ("remote", self._remote),
        ]

    def _worker(self, worker: Kept) -> Iterator[float]:
        way = self._dice.choice(["killed", "stopped", "stopped past its lease", "terminated"])
        if way == "killed":
            yield from self._killed(worker, most=20)
            return
        self.happened[f"worker {way}"] += 1
        if way == "terminated":
            worker.end()
            yield self._dice.uniform(0, 5)
            worker.start()
            return
        worker.signal(signal.SIGSTOP)
        yield PAST_THE_LEASE if "lease" in way else self._dice.uniform(1, 20)
        worker.signal(signal.SIGCONT)

    def _killed(self, process: Kept, *, most: float) -> Iterator[float]:
        self.happened[f"{process.name.split('-')[0]} killed"] += 1
        process.kill()
        yield self._dice.uniform(0, most)
        process.start()

    def _database(self) -> Iterator[float]:
        self.happened["PostgreSQL crashed"] += 1
        self._shop.postgres.stop()
        yield self._dice.uniform(0, 15)
        with suppress(subprocess.SubprocessError):  # it may need longer than pg_ctl waits
            self._shop.postgres.start()

    def _broker(self) -> Iterator[float]:
        self.happened["Redis killed"] += 1
        self._shop.redis.kill()
        yield self._dice.uniform(0, 15)
        self._shop.redis.start()

    def _flush(self) -> Iterator[float]:
        self.happened["Redis FLUSHALL"] += 1
        with suppress(redis.RedisError), redis.Redis.from_url(self._shop.redis.url) as client:
            client.flushall()
        yield 0.0

    def _answers(self) -> Iterator[float]:
        self.happened["scattered bad answers"] += 1
        dice, seconds = self._dice, self._dice.uniform(10, 40)
        rules = [
            {
                "match": API,
                "nth": dice.randint(1, 300),
                "times": dice.choice([1, 1, 1, 6]),
                **dice.choice(ANSWERS),
            }
            for _ in range(25)
        ]
        return self._rules(rules, seconds)

    def _outage(self) -> Iterator[float]:
        answer = self._dice.choice([*ANSWERS[3:6], {"action": "reset"}, ANSWERS[0]])
        said = answer.get("args", {}).get("status", answer["action"])
        self.happened[f"outage: {said}"] += 1
        return self._rules([{"match": API, "times": 0, **answer}], self._dice.uniform(5, 25))

    def _rules(self, rules: list[dict[str, Any]], seconds: float) -> Iterator[float]:
        self._tell("faults", rules)
        yield seconds
        self._tell("faults", method="DELETE")

    def _lag(self) -> Iterator[float]:
        self.happened["details and lists lag"] += 1
        dice = self._dice
        late = {
            "list_lag_seconds": dice.choice([0.0, 5.0, LAG_SECONDS]),
            "detail_lag_seconds": dice.choice([0.0, 5.0, LAG_SECONDS]),
            "lag_share": dice.choice([0.3, 0.5, 1.0]),
            "page_cap": dice.choice([0, 37]),
        }
        self._tell("settings", late)
        yield dice.uniform(15, 60)
        self._tell("settings", {"list_lag_seconds": 0.0, "detail_lag_seconds": 0.0, "page_cap": 0})

    def _permissions(self) -> Iterator[float]:
        self.happened["permission taken"] += 1
        lost = self._dice.choice(
            [one for one in ALL_PERMISSIONS if one.endswith("_READ") or self._dice.random() < 0.3]
        )
        self._permit([one for one in ALL_PERMISSIONS if one != lost])
        yield self._dice.uniform(5, 30)
        self._permit(list(ALL_PERMISSIONS))

    def _remote(self) -> Iterator[float]:
        self.happened["remote restarted"] += 1
        self._shop.remote.process.end()
        yield self._dice.uniform(0, 10)
        self._shop.remote.start()

    def _permit(self, permissions: list[str]) -> None:
        for token in self._shop.remote.ask("tokens"):
            self._tell(f"tokens/{token['token_id']}", {"permissions": permissions})

    def _tell(self, call: str, body: Any = None, *, method: str | None = None) -> None:
        self._shop.remote.ask(call, body, method=method)
