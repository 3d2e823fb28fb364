"""The measures: each gives rows of the table. Contestants run in turns against one sandbox."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from typing import Any

from benchmarks import shop
from benchmarks.checkouts import measure_checkouts
from benchmarks.figures import Row, median_of
from benchmarks.pages import look_at
from benchmarks.people import measure_people
from benchmarks.remote import Remote, running
from benchmarks.stores import measure_stores
from benchmarks.usage import measure_usage
from benchmarks.workers import backfill_seconds
from pandabase_django.models import Order, SyncRun
from pandabase_django.services.sync.runs import sync_resource

__all__ = ["MEASURES"]


def run(name: str, remote: Remote, **options: Any) -> dict[str, Any]:
    """Run one contestant in its own process."""
    command = [sys.executable, "-m", "benchmarks.contestants", name]
    for option, value in options.items():
        command += [f"--{option}", str(value)]
    environment = {**os.environ, "BENCH_REMOTE": remote.to_json()}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"  {name:14} {_shown(measured)}", file=sys.stderr)
    return measured


def _shown(measured: dict[str, Any]) -> str:
    rate = measured["rows"] / measured["seconds"]
    rest = {k: v for k, v in measured.items() if k not in ("seconds", "rows")}
    shown = ", ".join(
        f"{k} {v:.1f}" if isinstance(v, float) else f"{k} {v}" for k, v in rest.items()
    )
    return f"{measured['seconds']:7.2f} s {rate:8,.0f} /s  {shown}"


def measure_list(options: argparse.Namespace) -> list[Row]:
    """The list of orders: first sync, second sync, and the yardsticks."""
    turns: dict[str, list[dict[str, Any]]] = {}
    with running(orders=options.orders, latency_ms=0) as remote:
        shop.prepare(remote)
        run("fetch", remote)  # the sandbox renders its pages once
        unthrottled = run("fetch", remote)
        remote.set(latency_ms=options.latency)
        for _ in range(options.repeat):
            for name in ("fetch", "floor", "first", "again"):
                turns.setdefault(name, []).append(run(name, remote))
        turns["per-object"] = [run("per-object", remote, share=options.share)]
        if options.dlt:
            turns["dlt"] = [run("dlt", remote)]
    rates = {
        name: median_of([turn["rows"] / turn["seconds"] for turn in done])
        for name, done in turns.items()
    }
    first = rates["floor"] / rates["first"]
    again = rates["fetch"] / rates["again"]
    written = max(turn["written"] for turn in turns["again"])
    rows = [
        Row(
            "sandbox without latency, fetch-only",
            _rate(unthrottled["rows"] / unthrottled["seconds"]),
            "",
        ),
        Row("fetch-only", _rate(rates["fetch"]), ""),
        Row("floor", _rate(rates["floor"]), ""),
        Row(
            "first sync of the list",
            f"{_rate(rates['first'])}: {first:.2f} x the floor's time",
            "≤ 1.25 x",
            first <= 1.25,
        ),
    ]
    if "dlt" in rates:
        ratio = rates["first"] / rates["dlt"]
        rows.append(
            Row("against dlt", f"{_rate(rates['dlt'])}: {ratio:.1f} x faster", "≥ 6 x", ratio >= 6)
        )
    ratio = rates["first"] / rates["per-object"]
    rows.append(
        Row(
            f"against per-object (of {options.share:,})",
            f"{_rate(rates['per-object'])}: {ratio:.1f} x faster",
            "≥ 15 x",
            ratio >= 15,
        )
    )
    rows.append(
        Row(
            "second sync, full pass",
            f"{_rate(rates['again'])}: {again:.2f} x fetch-only, {written} rows written",
            "≤ 1.15 x, 0 rows",
            again <= 1.15 and written == 0,
        )
    )
    return rows


def measure_details(options: argparse.Namespace) -> list[Row]:
    """Details of orders against fetch-only of the same details."""
    turns: dict[str, list[float]] = {"details-fetch": [], "details": []}
    with running(orders=options.details, latency_ms=0) as remote:
        shop.prepare(remote)
        run("first", remote)
        remote.set(latency_ms=options.latency)
        for _ in range(options.repeat):
            for name, done in turns.items():
                done.append(run(name, remote, details=options.details)["seconds"])
    ratio = median_of(turns["details"]) / median_of(turns["details-fetch"])
    rate = options.details / median_of(turns["details"])
    return [
        Row(
            f"details of {options.details:,} orders",
            f"{_rate(rate)}: {ratio:.2f} x fetch-only",
            "≤ 1.1 x",
            ratio <= 1.1,
        )
    ]


def _rate(rate: float) -> str:
    return f"{rate:,.0f} rows/s"


def measure_memory(options: argparse.Namespace) -> list[Row]:
    """Peak memory of the process that reads the list, of a small and of a large store."""
    peaks: dict[int, float] = {}
    for orders in (10_000, options.large):
        with running(orders=orders, latency_ms=0) as remote:
            shop.prepare(remote)
            peaks[orders] = max(run(name, remote)["peak_mb"] for name in ("first", "again"))
    small, large = peaks.values()
    return [
        Row(
            f"peak memory, 10,000 against {options.large:,} orders",
            f"{small:.0f} and {large:.0f} MB: {large - small:.0f} MB more",
            "≤ 30 MB more",
            large - small <= 30,
        )
    ]


def measure_pages(options: argparse.Namespace) -> list[Row]:
    """The admin's pages over a large store: queries, and tables read through."""
    if Order.objects.count() < options.large:
        with running(orders=options.large, latency_ms=0) as remote:
            shop.prepare(remote)
            run("first", remote)
    pages = list(look_at())
    for page in pages:
        print(
            f"  {page.name:60} {page.queries:3} queries {page.milliseconds:6.0f} ms"
            f" {', '.join(page.scans)}",
            file=sys.stderr,
        )
    most = max(pages, key=lambda page: page.queries)
    slowest = max(pages, key=lambda page: page.milliseconds)
    scanned = [page.name for page in pages if page.scans]
    return [
        Row(
            f"{len(pages)} pages of the admin, {Order.objects.count():,} orders",
            f"at most {most.queries} queries; read through by: {'; '.join(scanned) or 'none'}; "
            f"slowest {slowest.milliseconds:.0f} ms",
            "≤ 15 queries, none",
            most.queries <= 15 and not scanned,
        )
    ]


def measure_poll(options: argparse.Namespace) -> list[Row]:
    """Requests of a regular poll of a huge store: idle, and with news."""
    random.seed(1)
    with running(orders=options.huge, latency_ms=0) as remote:
        shop.prepare(remote)
        run("first", remote)
        _poll()  # what a first pass leaves to the next run
        idle = _poll()
        completed = Order.objects.filter(status="COMPLETED").order_by("pk")
        old = random.sample(list(completed.values_list("pk", flat=True)), 500)
        changes: list[dict[str, Any]] = [{"op": "create_order", "count": 500}]
        changes += [{"op": "refund_order", "id": pk} for pk in old[:400]]
        changes += [{"op": "dispute_order", "id": pk} for pk in old[400:]]
        remote.change(changes)
        news = _poll()
        _poll()
        again = _poll()
    pages = 6 + 4 + 1  # of new orders, of refunds, of disputes
    bound = round(1.2 * (pages + 1_000) + 20)
    most = max(idle.requests, again.requests)
    steps = ", ".join(
        f"{step['strategy'].partition(': ')[2]} {step['requests']}" for step in idle.steps
    )
    return [
        Row(
            f"poll of {options.huge:,} orders, 500 new and 500 late",
            f"{news.requests} requests, {news.rows_created} created, {news.rows_updated} updated",
            f"≤ {bound} requests",
            news.requests <= bound,
        ),
        Row("idle poll", f"{most} requests ({steps})", "≤ 20 requests", most <= 20),
    ]


def _poll() -> SyncRun:
    result = sync_resource(shop.store(), resource="orders", trigger=SyncRun.Trigger.COMMAND)
    assert result.error is None, result.error
    print(f"  poll {result.run.requests} requests {result.run.steps}", file=sys.stderr)
    return result.run


def measure_workers(options: argparse.Namespace) -> list[Row]:
    """A backfill of details by one, two and four worker processes, bound by latency."""
    orders, latency_ms, connections = 2_000, 200.0, 4
    seconds: dict[int, float] = {}
    os.environ["BENCH_CONNECTIONS"] = str(connections)
    with running(orders=orders, latency_ms=0) as remote:
        shop.prepare(remote)
        run("first", remote)
        remote.set(latency_ms=latency_ms)
        for processes in (1, 2, 4):
            seconds[processes] = backfill_seconds(remote.store_id, processes=processes)
            print(f"  {processes} processes {seconds[processes]:.1f} s", file=sys.stderr)
    del os.environ["BENCH_CONNECTIONS"]
    return [
        Row(
            f"{orders:,} details at {latency_ms:.0f} ms by {processes} worker processes",
            f"{seconds[processes]:.1f} s, {seconds[1] / seconds[processes]:.2f} x one "
            f"({seconds[1]:.1f} s)",
            f"≥ {aim} x",
            seconds[1] / seconds[processes] >= aim,
        )
        for processes, aim in ((2, 1.8), (4, 3.4))
    ]


MEASURES = {
    "list": measure_list,
    "details": measure_details,
    "memory": measure_memory,
    "pages": measure_pages,
    "poll": measure_poll,
    "workers": measure_workers,
    "checkouts": measure_checkouts,
    "usage": measure_usage,
    "people": measure_people,
    "stores": measure_stores,
}
