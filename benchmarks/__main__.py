"""``python -m benchmarks list details …``: measures, and prints a table.

Needs DATABASE_URL (an empty PostgreSQL database that may be wiped) and, for ``workers``,
CELERY_BROKER_URL. Each contestant runs in a process of its own, in turns, against one sandbox.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")

import django

django.setup()

from benchmarks import figures, shop  # noqa: E402
from benchmarks.figures import Row, median_of  # noqa: E402
from benchmarks.remote import Remote, running  # noqa: E402


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


MEASURES = {"list": measure_list, "details": measure_details}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("measure", nargs="*", help=f"of {', '.join(MEASURES)}; all by default")
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--details", type=int, default=5_000)
    parser.add_argument("--latency", type=float, default=50, help="milliseconds")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument(
        "--share", type=int, default=2_000, help="orders of the per-object yardstick"
    )
    parser.add_argument("--no-dlt", dest="dlt", action="store_false")
    options = parser.parse_args()
    wanted = options.measure or list(MEASURES)
    if unknown := set(wanted) - set(MEASURES):
        parser.error(f"no measure {', '.join(sorted(unknown))}")
    facts = figures.machine()
    rows: list[Row] = []
    for name in wanted:
        print(f"{name}:", file=sys.stderr)
        rows += MEASURES[name](options)
    print(figures.table(rows))
    print()
    print(facts)


if __name__ == "__main__":
    main()
