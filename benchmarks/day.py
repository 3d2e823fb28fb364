"""``python -m benchmarks.day``: what 24 hours of a schedule cost, counted and not waited for.

One process runs every task of a day in its order, as beat and a worker would, against stores of a
process of their own, over the wire. ``timezone.now()`` and the stores' clocks are moved from task
to task. Half of the stores are quiet. In each of the others so many orders a day change: most are
new, the rest is refunded late. Needs DATABASE_URL of a database that may be wiped.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")

import django

django.setup()

from celery import Task  # noqa: E402
from celery.schedules import crontab  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks import figures  # noqa: E402
from benchmarks.many import Remotes, running_many  # noqa: E402
from benchmarks.remote import Remote  # noqa: E402
from benchmarks.worker_app import app  # noqa: E402
from pandabase_django.conf import conf  # noqa: E402
from pandabase_django.crypto.secret import Secret  # noqa: E402
from pandabase_django.models import Order, SyncRun  # noqa: E402
from pandabase_django.schedules import beat_schedule  # noqa: E402
from pandabase_django.services.tokens.connection import add_token  # noqa: E402
from pandabase_django.tasks.broker import Message, held_back  # noqa: E402
from pandabase_django.testing.clock import Clock  # noqa: E402

DAY, QUARTER = 86_400, 21_600  # seconds
FIRST = 4_500  # seconds of the first syncs, before the day begins
ORDERS = 200  # that each store has at first, and as many products
WRITES = re.compile(r"(WITH\b.*?)?\b(INSERT INTO|UPDATE|DELETE FROM)\b", re.DOTALL)
COLUMNS = {
    "tasks": "tasks",
    "requests": "requests",
    "bytes": "MB received",
    "rows": "rows written",
    "statements": "statements",
    "processor": "processor seconds",
}
SCHEDULE, QUIET, BUSY = "schedule", "quiet", "busy"

Counts = dict[str, "Counter[str]"]


class Day:
    """Runs tasks, and counts what each costs under the kind of its store.

    Args:
        remotes: The stores.
        kinds: By the store's id, which kind it is.
    """

    def __init__(self, remotes: Remotes, kinds: dict[str, str]) -> None:
        self._remotes = remotes
        self._kinds = kinds
        self._clock = Clock()
        self._at = 0.0
        self._waiting: list[tuple[float, Message]] = []
        self.counts: Counts = {kind: Counter() for kind in (SCHEDULE, QUIET, BUSY)}
        self.by_task: dict[tuple[str, str], Counter[str]] = {}
        self._counting: Counter[str] = Counter()

    def run(self, events: list[tuple[float, Callable[[], object]]]) -> None:
        """Let all this happen, each at its second."""
        with (
            self._clock.running(),
            held_back(self._take),
            connection.execute_wrapper(self._count_statement),
        ):
            for at, happens in sorted(events, key=lambda event: event[0]):
                self._work_until(at)
                self._go_to(at)
                happens()
                self._work_until(at)

    def task(self, name: str) -> Callable[[], object]:
        """A scheduled task, as beat would send it."""
        return lambda: self._perform(Message(app.tasks[name], (), {}))

    def _take(self, message: Message) -> None:
        self._waiting.append((self._at + message.after_seconds, message))

    def _work_until(self, at: float) -> None:
        while due := [one for one in self._waiting if one[0] <= at]:
            due_at, message = min(due, key=lambda one: one[0])
            self._waiting.remove((due_at, message))
            self._go_to(max(due_at, self._at))
            self._perform(message)

    def _go_to(self, at: float) -> None:
        if at > self._at:
            self._clock.pass_time(timedelta(seconds=at - self._at))
            self._remotes.pass_time(at - self._at)
            self._at = at

    def _perform(self, message: Message) -> None:
        task: Task[Any, Any] = message.task
        of_store = str(message.args[0]) if message.args else ""
        kind = self._kinds.get(of_store, SCHEDULE)
        before = self._remotes.counts() if kind != SCHEDULE else {}
        self._counting = Counter(tasks=1)
        began = time.process_time()
        task.apply(message.args, message.kwargs)
        self._counting["processor"] = time.process_time() - began  # type: ignore[assignment]
        if before:
            after = self._remotes.counts()
            for name in ("requests", "bytes"):
                self._counting[name] = after[name] - before[name]
        self.counts[kind].update(self._counting)
        self.by_task.setdefault((kind, task.name), Counter()).update(self._counting)

    def _count_statement(
        self, execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        result = execute(sql, params, many, context)
        self._counting["statements"] += 1
        if WRITES.match(sql.lstrip()):
            self._counting["rows"] += max(0, context["cursor"].rowcount)
        return result


def main() -> None:
    """Count a day, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.day", description=__doc__)
    parser.add_argument("--each", type=int, default=2, help="quiet stores, and as many busy ones")
    parser.add_argument("--changed", type=int, default=50, help="orders a day in a busy store")
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    with running_many(2 * options.each, orders=ORDERS, latency_ms=0) as remotes:
        for one in remotes.stores:
            add_token(
                store_id=one.store_id,
                mode="HMAC",
                secret=Secret(one.secret),
                token_id=one.token_id,
                base_url=one.url,
            )
        busy = remotes.stores[options.each :]
        kinds = dict.fromkeys((one.store_id for one in remotes.stores), QUIET)
        kinds.update(dict.fromkeys((one.store_id for one in busy), BUSY))
        first = Day(remotes, kinds)
        reads = ("sync_all", "sync_seldom", "archive_request_logs", "sync_all", "sync_all")
        first.run([(900.0 * n, first.task(f"pandabase.{name}")) for n, name in enumerate(reads)])
        day = Day(remotes, kinds)
        changes = [event for one in busy for event in _changes(one, options.changed)]
        # It begins where the first syncs have ended.
        scheduled = [(at, day.task(name)) for name, at in _schedule()]
        ends = [(at, partial(_say, day, at, options)) for at in range(QUARTER, DAY, QUARTER)]
        events = [(at + FIRST, what) for at, what in [*changes, *scheduled, *ends]]
        day.run(events)
    failed = SyncRun.objects.exclude(state__in=("COMPLETED", "PARTIAL")).count()
    print(_table(day.counts, options))
    print()
    print(_by_task(day))
    print(f"\nInterval {conf.sync_interval_seconds} s; runs that did not complete: {failed}.")
    print(figures.machine())


def _say(day: Day, at: float, options: argparse.Namespace) -> None:
    """What was counted until now, for whoever waits."""
    print(f"after {at / 3600:.0f} hours\n{_table(day.counts, options)}\n", file=sys.stderr)


def _schedule() -> Iterator[tuple[str, float]]:
    """The tasks of a day with their seconds, from the schedule that beat is given."""
    for entry in beat_schedule().values():
        schedule = entry["schedule"]
        if isinstance(schedule, crontab):
            for hour in schedule.hour:
                for minute in schedule.minute:
                    yield entry["task"], hour * 3600 + minute * 60
        else:
            step = int(schedule.total_seconds())
            yield from ((entry["task"], float(at)) for at in range(step, DAY + 1, step))


def _changes(one: Remote, count: int) -> Iterator[tuple[float, Callable[[], object]]]:
    """Three of five are new orders, the others refunds of old ones; evenly over the day."""
    old = Order.objects.filter(store=one.store_id, status="COMPLETED").order_by("pk")
    to_refund = iter(list(old.values_list("pk", flat=True)))
    for number in range(count):
        change: dict[str, Any] = {"op": "create_order"}
        if number % 5 > 2:
            change = {"op": "refund_order", "id": next(to_refund)}
        yield (number + 0.5) * DAY / count, lambda change=change: one.change([change])


def _table(counts: Counts, options: argparse.Namespace) -> str:
    """What was counted, and from it what so many stores take."""
    each = {
        kind: {name: counted[name] / options.each for name in COLUMNS}
        for kind, counted in counts.items()
    }
    each[SCHEDULE] = {name: float(counts[SCHEDULE][name]) for name in COLUMNS}
    names = {QUIET: "quiet", BUSY: f"with {options.changed} changed orders"}
    lines = [
        _line("in 24 hours", list(COLUMNS.values())),
        "|" + "---|" * (len(COLUMNS) + 1),
        _line(f"the schedule, of {2 * options.each} stores", _shown(each[SCHEDULE])),
        *(_line(f"a store, {names[kind]}", _shown(each[kind])) for kind in (QUIET, BUSY)),
    ]
    for number in (1, 50, 500):
        for kind in (QUIET, BUSY):
            sums = {name: each[SCHEDULE][name] + number * each[kind][name] for name in COLUMNS}
            lines.append(_line(f"{number} stores, {names[kind]}", _shown(sums)))
    return "\n".join(lines)


def _by_task(day: Day) -> str:
    lines = [_line("one task", list(COLUMNS.values())), "|" + "---|" * (len(COLUMNS) + 1)]
    for (kind, task), counted in sorted(day.by_task.items()):
        once = {name: counted[name] / counted["tasks"] for name in COLUMNS}
        shown = [
            f"{counted['tasks']:,} times",
            f"{once['requests']:.1f}",
            f"{once['bytes'] / 1e6:.3f}",
            f"{once['rows']:.1f}",
            f"{once['statements']:.1f}",
            f"{once['processor']:.3f}",
        ]
        lines.append(_line(f"{kind}: {task}", shown))
    return "\n".join(lines)


def _shown(values: dict[str, float]) -> list[str]:
    return [f"{values[name] / (1e6 if name == 'bytes' else 1):,.0f}" for name in COLUMNS]


def _line(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
