"""One measurement in a process of its own: ``python -m benchmarks.contestants NAME``.

Prints one line of JSON. The clock starts after imports; memory is the process's own peak.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

from benchmarks.remote import Remote

__all__ = ["CONTESTANTS"]

Measured = dict[str, Any]


def _timed(work: Callable[[], int]) -> Measured:
    start = time.perf_counter()
    rows = work()
    return {"seconds": time.perf_counter() - start, "rows": rows}


def fetch(remote: Remote, options: argparse.Namespace) -> Measured:
    """Read the list, store nothing."""
    from benchmarks.yardsticks import fetch_only

    return _timed(
        lambda: fetch_only(remote, connections=options.connections, orders=options.orders)
    )


def floor(remote: Remote, options: argparse.Namespace) -> Measured:
    """Read the list, COPY, one INSERT."""
    from benchmarks import shop, yardsticks

    shop.empty()
    return _timed(
        lambda: yardsticks.floor(remote, connections=options.connections, orders=options.orders)
    )


def per_object(remote: Remote, options: argparse.Namespace) -> Measured:
    """Row by row, of the first so many orders alone."""
    from benchmarks import shop, yardsticks

    shop.empty()
    share = min(options.orders, options.share)
    return _timed(lambda: yardsticks.per_object(remote, orders=share))


def dlt(remote: Remote, options: argparse.Namespace) -> Measured:
    """dlt's rest_api source; it makes tables of its own."""
    from benchmarks.dlt_pipeline import load

    return _timed(lambda: load(remote))


def first(remote: Remote, options: argparse.Namespace) -> Measured:
    """The first sync of an empty shop, up to the last page of the list."""
    from benchmarks import shop

    shop.empty()
    start = time.perf_counter()
    run, listed_at, late_at = _sync_list()
    shop.settle()
    return {
        "seconds": listed_at - start,
        "rows": run.rows_created,
        "requests": sum(step["requests"] for step in run.steps[:2]),
        "refunds_and_disputes_seconds": late_at - listed_at,
    }


def again(remote: Remote, options: argparse.Namespace) -> Measured:
    """A full pass in which nothing has changed."""
    from benchmarks import shop
    from pandabase_django.models import SyncRun
    from pandabase_django.services.sync.runs import sync_resource

    before = shop.writes()
    start = time.perf_counter()
    result = sync_resource(
        shop.store(), resource="orders", trigger=SyncRun.Trigger.COMMAND, full=True
    )
    seconds = time.perf_counter() - start
    assert result.error is None, result.error
    return {
        "seconds": seconds,
        "rows": result.run.rows_unchanged,
        "written": shop.writes() - before,
        "requests": result.run.requests,
    }


def details_fetch(remote: Remote, options: argparse.Namespace) -> Measured:
    """Read the details of so many orders, store nothing."""
    from benchmarks.yardsticks import fetch_details_only

    ids = _detail_ids(options)
    return _timed(lambda: fetch_details_only(remote, connections=options.connections, ids=ids))


def details(remote: Remote, options: argparse.Namespace) -> Measured:
    """Read and store the details of the same orders."""
    from benchmarks import shop
    from pandabase_django.models import Order, OrderItem, SyncRun
    from pandabase_django.services.sync.runs import Caller, sync_resource

    Order.objects.filter(pk__in=_detail_ids(options)).update(dirty=True, digest="", updated_at=None)
    OrderItem.objects.all().delete()
    before = after = 0.0

    def on_progress(run: SyncRun) -> None:
        nonlocal before, after
        if run.phase == "orders: details":
            after = time.perf_counter()
        elif not after:
            before = time.perf_counter()

    result = sync_resource(
        shop.store(),
        resource="orders",
        trigger=SyncRun.Trigger.COMMAND,
        caller=Caller(on_progress=on_progress),
    )
    assert result.error is None, result.error
    step = next(s for s in result.run.steps if s["strategy"] == "orders: details")
    return {
        "seconds": after - before,
        "rows": step["requests"],
        "items": OrderItem.objects.count(),
    }


def _detail_ids(options: argparse.Namespace) -> list[str]:
    from pandabase_django.models import Order

    return list(Order.objects.order_by("pk").values_list("pk", flat=True)[: options.details])


def _sync_list() -> tuple[Any, float, float]:
    """Sync orders until the first batch of details.

    Returns:
        The run, when the list was done, and when refunds and disputes were.
    """
    from django.utils import timezone

    from benchmarks import shop
    from pandabase_django.models import SyncRun
    from pandabase_django.services.sync.runs import Caller, sync_resource

    listed_at = late_at = 0.0

    def on_progress(run: SyncRun) -> None:
        nonlocal listed_at, late_at
        if run.phase == "orders: full pass":
            listed_at = time.perf_counter()
        elif run.phase in ("orders: new refunds", "orders: new disputes"):
            late_at = time.perf_counter()
        elif run.phase == "orders: details":
            SyncRun.objects.filter(pk=run.pk).update(cancel_requested_at=timezone.now())

    result = sync_resource(
        shop.store(),
        resource="orders",
        trigger=SyncRun.Trigger.COMMAND,
        caller=Caller(on_progress=on_progress),
    )
    assert result.run.state == SyncRun.State.CANCELLED, result
    return result.run, listed_at, late_at


CONTESTANTS: dict[str, Callable[[Remote, argparse.Namespace], Measured]] = {
    "fetch": fetch,
    "floor": floor,
    "per-object": per_object,
    "dlt": dlt,
    "first": first,
    "again": again,
    "details-fetch": details_fetch,
    "details": details,
}


def _peak_mb() -> float:
    """Peak resident memory of this process; getrusage would start at its parent's."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / 1024


def main() -> None:
    """Run one contestant."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=CONTESTANTS)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--orders", type=int, default=0)
    parser.add_argument("--share", type=int, default=2_000)
    parser.add_argument("--details", type=int, default=5_000)
    options = parser.parse_args()
    django.setup()
    remote = Remote.from_environment()
    options.orders = options.orders or remote.orders
    # What is imported lazily would be counted as work otherwise.
    import benchmarks.yardsticks  # noqa: F401
    import pandabase_django.services.sync.runs  # noqa: F401

    if options.name == "dlt":
        import dlt.sources.rest_api  # noqa: F401
    cpu = time.process_time()
    measured = CONTESTANTS[options.name](remote, options)
    measured["cpu_seconds"] = time.process_time() - cpu
    measured["peak_mb"] = _peak_mb()
    json.dump(measured, sys.stdout)
    print()


if __name__ == "__main__":
    main()
