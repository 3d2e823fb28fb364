"""What was recorded is billed, once each, after any schedule of faults, kills and clocks."""

from __future__ import annotations

import os
import random
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from pandabase_django.models import Store, Subscription, UsageRecord
from pandabase_django.sandbox import Sandbox
from pandabase_django.usage import Usage, record_usage, record_usages, send_usage
from tests.usage.world import EVENTS, Killed, billed, killer, pass_time

pytestmark = pytest.mark.django_db(transaction=True)

SEEDS = int(os.environ.get("PANDABASE_SOAK_USAGE", "0")) or 8
FAULTS: tuple[dict[str, Any], ...] = (
    {"action": "commit_then_reset"},
    {"action": "truncate"},
    {"action": "wrong_json"},
    {"action": "html", "args": {"status": 403}},
    {"action": "reset"},
    {"action": "delay_then_execute", "args": {"seconds": 0.02}},
    {"action": "status", "args": {"status": 500}},
    {"action": "status", "args": {"status": 401}},
)


class Schedule:
    """What happens by a seed, and what must have been billed when it is over."""

    def __init__(
        self, seed: int, sandbox: Sandbox, store: Store, subscriptions: list[Subscription]
    ) -> None:
        self.dice = random.Random(seed)
        self.sandbox = sandbox
        self.store = store
        self.subscriptions = subscriptions
        self.expected: list[tuple[str, int]] = []
        self.prefix = f"{seed}-"  # keys of one schedule are not those of the next
        self.keys: set[tuple[str, str, str]] = set()

    def play(self) -> None:
        steps = (self.record, self.record, self.record_many, self.send, self.send, self.change)
        for _ in range(self.dice.randint(5, 25)):
            self.dice.choice(steps)()
            if self.dice.random() < 0.3:
                pass_time(self.dice.choice([1, 11]))

    def record(self) -> None:
        one, event = self.dice.choice(self.subscriptions), self.dice.choice(EVENTS)
        key = self.dice.choice([None, None, self.prefix + "a", self.prefix + "b"])
        # Of a key always the same, so that it may be recorded again.
        quantity = self.dice.randint(0, 9) if key is None else 5
        with suppress(RuntimeError), transaction.atomic():
            record_usage(one, event, quantity, key=key)
            if self.dice.random() < 0.3:
                raise RuntimeError
            self._expect(one, event, quantity, key)

    def record_many(self) -> None:
        one = self.dice.choice(self.subscriptions)
        quantities = [self.dice.randint(1, 9) for _ in range(self.dice.choice([3, 150]))]
        record_usages(Usage(one, "tokens", quantity) for quantity in quantities)
        for quantity in quantities:
            self._expect(one, "tokens", quantity, None)

    def send(self) -> None:
        rules = [
            {
                "match": {"path_regex": "/usage$"},
                "nth": self.dice.randint(1, 4),
                **self.dice.choice(FAULTS),
            }
            for _ in range(self.dice.choice([0, 1, 1, 2]))
        ]
        self.sandbox.fault(rules)
        dies_at = self.dice.choice([10**9, self.dice.randint(1, 40)])
        # A killed worker's 401 leaves its token suspect, or not.
        with suppress(Killed, Exception), connection.execute_wrapper(killer(dies_at)):
            send_usage(self.store)
        self.sandbox.clear_faults()

    def change(self) -> None:
        one = self.dice.choice(self.subscriptions)
        op = self.dice.choice(["pause_subscription", "resume_subscription"])
        self.sandbox.change([{"op": op, "id": one.pk}])
        # What was rejected meanwhile is sent again by a person.
        UsageRecord.objects.filter(state="REJECTED").update(
            state="PENDING", due_at=timezone.now() - timedelta(seconds=1)
        )

    def end(self) -> None:
        """Everything is well again."""
        for one in self.subscriptions:
            self.sandbox.change([{"op": "resume_subscription", "id": one.pk}])
        for _ in range(3):
            UsageRecord.objects.filter(state="REJECTED").update(state="PENDING")
            pass_time()
            assert send_usage(self.store).trouble == ""

    def _expect(self, one: Subscription, event: str, quantity: int, key: str | None) -> None:
        if key is not None and (one.pk, event, key) in self.keys:
            return
        if key is not None:
            self.keys.add((one.pk, event, key))
        self.expected.append((one.pk, quantity))


@pytest.mark.fact(52)
def test_what_was_recorded_is_billed_once_each(
    sandbox: Sandbox, store: Store, subscriptions: list[Subscription]
) -> None:
    expected: list[tuple[str, int]] = []
    for seed in range(SEEDS):
        schedule = Schedule(seed, sandbox, store, subscriptions)
        schedule.play()
        schedule.end()
        expected += schedule.expected
        found = [(subscription, n) for (subscription, _), n in billed(sandbox).items()]
        assert sorted(found) == sorted(expected), f"seed {seed}"
        assert not UsageRecord.objects.unsettled().exists()
