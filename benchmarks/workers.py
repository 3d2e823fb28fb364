"""Reads the details of a store with so many Celery worker processes, and times it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import timezone

from pandabase_django.models import Order, SyncRun

__all__ = ["backfill_seconds", "running_workers"]

_QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING")


def backfill_seconds(store_id: str, *, processes: int) -> float:
    """Seconds in which these processes read the details of every order.

    The list has been read before: nothing but details is due. The clock runs from the start of the
    run to its last order, so the poll's few requests one after another count as well.
    """
    queue = f"bench-{uuid.uuid4().hex[:12]}"
    Order.objects.update(dirty=True, digest="", updated_at=None)
    SyncRun.objects.all().delete()
    with running_workers(processes, queue):
        time.sleep(8)  # workers are ready
        environment = {**os.environ, "BENCH_QUEUE": queue}
        code = (
            "import benchmarks.worker_app\n"
            "from pandabase_django.tasks import sync_orders\n"
            f"sync_orders.delay({store_id!r})"
        )
        subprocess.run(
            [sys.executable, "-c", f"import django; django.setup()\n{code}"],
            env=environment,
            check=True,
        )
        while Order.objects.filter(dirty=True).exists():
            time.sleep(0.1)
        end = timezone.now()
        runs = SyncRun.objects.filter(resource="orders")
        while runs.filter(state=SyncRun.State.RUNNING).exists():
            time.sleep(0.1)
        return (end - runs.get().started_at).total_seconds()


@contextmanager
def running_workers(processes: int, queue: str) -> Iterator[None]:
    """So many processes that take tasks from a queue, for the duration of the block."""
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.worker_app", "worker", "-c", "1"]
    started = [
        subprocess.Popen(
            [*command, *_QUIET, "-n", f"bench{number}@%h"],
            env={**os.environ, "BENCH_QUEUE": queue},
            start_new_session=True,
        )
        for number in range(processes)
    ]
    try:
        yield
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            process.wait()
