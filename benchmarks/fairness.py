"""``python -m benchmarks.fairness --small 60 --interval 60``: many small stores beside a large one.

Two worker processes and beat, as in a deployment, with PostgreSQL and Redis; all stores are behind
one port. The small stores are synced once, then the large one comes, and from there on every
resource of every small store is looked at every few seconds: how long ago did its last run end?
Needs DATABASE_URL (a database that may be wiped) and CELERY_BROKER_URL, which is the cache too.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
QUEUE = os.environ.setdefault("BENCH_QUEUE", f"fairness-{uuid.uuid4().hex[:8]}")

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db.models import F, Sum  # noqa: E402
from django.utils import timezone  # noqa: E402

from benchmarks import figures  # noqa: E402
from benchmarks.many import Remotes, running_many  # noqa: E402
from benchmarks.remote import Remote  # noqa: E402
from benchmarks.worker_app import app  # noqa: E402
from benchmarks.workers import running_workers  # noqa: E402
from pandabase_django.crypto.secret import Secret  # noqa: E402
from pandabase_django.models import Order, SyncCursor, SyncRun, TaskTick  # noqa: E402
from pandabase_django.services.sync.runs import RESOURCES  # noqa: E402
from pandabase_django.services.tokens.connection import add_token  # noqa: E402
from pandabase_django.tasks import enqueue_sync  # noqa: E402

LOOK_EVERY_SECONDS = 3.0
EACH_MINUTE = "pandabase.sweep_webhooks"  # waits in the queue as webhooks do


@dataclass
class Seen:
    """The worst of what was seen.

    Attributes:
        oldest: Seconds since the last completed run, at most, by store.
        queued: Messages that waited, at most.
        minute_task_seconds: Since a task that comes each minute last ran, at most.
    """

    oldest: dict[str, float] = field(default_factory=dict)
    queued: int = 0
    minute_task_seconds: float = 0.0


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fairness", description=__doc__)
    parser.add_argument("--small", type=int, default=60, help="stores of 100 products and orders")
    parser.add_argument("--giant", type=int, default=200_000, help="orders of the large store")
    parser.add_argument("--interval", type=int, default=60, help="SYNC_INTERVAL_SECONDS")
    parser.add_argument("--minutes", type=float, default=10, help="beside the large store")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--latency", type=float, default=50, help="milliseconds")
    parser.add_argument("--limit", type=int, default=60, help="requests a second for each token")
    options = parser.parse_args()
    os.environ["BENCH_INTERVAL"] = str(options.interval)
    os.environ["BENCH_CACHE_URL"] = os.environ["CELERY_BROKER_URL"].replace(
        "redis", "rediscache", 1
    )
    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    size = {"orders": 100, "giant": options.giant, "latency_ms": options.latency}
    with running_many(options.small, rate_limit=options.limit, **size) as remotes:
        *small, giant = remotes.stores
        for one in small:
            _add(one)
        with running_workers(options.workers, QUEUE), _beat():
            rows = _measured(remotes, small, giant, options)
    print(figures.table(rows))
    print()
    print(figures.machine())


def _measured(
    remotes: Remotes, small: list[Remote], giant: Remote, options: argparse.Namespace
) -> list[figures.Row]:
    ids = [one.store_id for one in small]
    first_seconds = _first_syncs(ids)
    time.sleep(options.interval)  # those that were first are as old as that took
    _add(giant)
    before, began = remotes.counts(), timezone.now()
    enqueue_sync([giant.store_id], RESOURCES, trigger=SyncRun.Trigger.SCHEDULE.value)
    seen = _watch(ids, giant.store_id, seconds=options.minutes * 60)
    after, minutes = remotes.counts(), (timezone.now() - began).total_seconds() / 60
    runs = SyncRun.objects.filter(started_at__gte=began)
    quiet = runs.filter(store__in=ids, state=SyncRun.State.COMPLETED)
    turns = runs.filter(store=giant.store_id, resource="orders")
    gave_way = turns.filter(state=SyncRun.State.POSTPONED).count()
    seconds = quiet.aggregate(total=Sum(F("finished_at") - F("started_at")))["total"]
    rounds = quiet.count() / len(RESOURCES)
    worst = max(seen.oldest.values())
    half = figures.median_of(list(seen.oldest.values()))
    late = sum(age > 2 * options.interval for age in seen.oldest.values())
    read = Order.objects.filter(store=giant.store_id)
    rate = {name: (after[name] - before[name]) / minutes for name in after}
    return [
        figures.Row(
            f"first sync of {len(ids)} small stores, {options.workers} workers",
            f"{first_seconds:.0f} s",
            "",
        ),
        figures.Row(
            f"oldest small store in {minutes:.0f} minutes beside one of {options.giant:,} orders",
            f"{worst:.0f} s, half of the stores at most {half:.0f} s, {late} later than the aim",
            f"≤ {2 * options.interval} s, twice the interval",
            worst <= 2 * options.interval,
        ),
        figures.Row(
            "the large store",
            f"{read.count():,} orders here, {read.filter(dirty=False).count():,} with details; "
            f"{turns.count()} turns, {gave_way} gave way",
            "",
        ),
        figures.Row(
            "runs of small stores",
            f"{quiet.count() / minutes:.0f} a minute; {seconds.total_seconds() / rounds:.2f} s "
            f"of a worker for a store's round; failed "
            f"{runs.filter(state=SyncRun.State.FAILED).count()}",
            "",
        ),
        figures.Row(
            "requests",
            f"{rate['requests']:,.0f} a minute, {rate['bytes'] / 1e6:.1f} MB a minute; "
            f"refused {after['refused'] - before['refused']}",
            "",
        ),
        figures.Row(
            "the queue",
            f"at most {seen.queued} messages; a task of each minute came after at most "
            f"{seen.minute_task_seconds:.0f} s",
            "",
        ),
    ]


def _add(one: Remote) -> None:
    add_token(
        store_id=one.store_id,
        mode="HMAC",
        secret=Secret(one.secret),
        token_id=one.token_id,
        base_url=one.url,
        test=False,
    )


def _first_syncs(ids: list[str]) -> float:
    """Sync each store once; returns how long that took."""
    began = time.monotonic()
    enqueue_sync(ids, RESOURCES, trigger=SyncRun.Trigger.COMMAND.value)
    done = SyncCursor.objects.filter(
        store__in=ids, resource__in=RESOURCES, first_completed_at__isnull=False
    )
    while done.count() < len(ids) * len(RESOURCES):
        time.sleep(1)
    return time.monotonic() - began


def _watch(ids: list[str], giant: str, *, seconds: float) -> Seen:
    seen, end, said = Seen(), time.monotonic() + seconds, 0.0
    cursors = SyncCursor.objects.filter(store__in=ids, resource__in=RESOURCES)
    while time.monotonic() < end:
        now = timezone.now()
        ages: dict[str, float] = {}
        for store, at in cursors.values_list("store", "last_completed_at"):
            ages[store] = max(ages.get(store, 0.0), _age(at, now))
        for store, age in ages.items():
            seen.oldest[store] = max(seen.oldest.get(store, 0.0), age)
        waiting = _waiting()
        seen.queued = max(seen.queued, waiting)
        ticked = TaskTick.objects.filter(task=EACH_MINUTE).values_list("at", flat=True).first()
        if ticked:
            seen.minute_task_seconds = max(seen.minute_task_seconds, _age(ticked, now))
        if time.monotonic() - said > 30:
            said = time.monotonic()
            read = Order.objects.filter(store=giant, dirty=False).count()
            print(
                f"  {end - said:4.0f} s to go: oldest {max(ages.values()):.0f} s, {waiting} wait, "
                f"{read:,} of the large store, load {os.getloadavg()[0]:.1f}",
                file=sys.stderr,
            )
        time.sleep(LOOK_EVERY_SECONDS)
    return seen


def _age(at: datetime | None, now: datetime) -> float:
    return (now - at).total_seconds() if at else 0.0


def _waiting() -> int:
    with app.connection_for_read() as broker:
        declared = broker.default_channel.queue_declare(QUEUE, durable=True)
        return int(declared.message_count)


@contextmanager
def _beat() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "celery", "-A", "benchmarks.worker_app", "beat"]
        command += ["-l", "WARNING", "-s", str(Path(folder, "beat")), "--pidfile="]
        process = subprocess.Popen(command, env=os.environ, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


if __name__ == "__main__":
    main()
