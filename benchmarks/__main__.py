"""``python -m benchmarks list details …``: measures, and prints a table.

Needs DATABASE_URL (an empty PostgreSQL database that may be wiped) and, for ``workers`` and
``checkouts``, CELERY_BROKER_URL. Each contestant runs in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")

import django

django.setup()

from benchmarks import figures  # noqa: E402
from benchmarks.measures import MEASURES  # noqa: E402


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("measure", nargs="*", help=f"of {', '.join(MEASURES)}; all by default")
    parser.add_argument("--orders", type=int, default=100_000, help="of the list")
    parser.add_argument("--large", type=int, default=500_000, help="orders for memory and pages")
    parser.add_argument("--huge", type=int, default=1_000_000, help="orders for the poll")
    parser.add_argument("--details", type=int, default=5_000)
    parser.add_argument("--checkouts", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=1, help="processes, for checkouts")
    parser.add_argument("--person", type=int, default=200_000, help="orders of one person")
    parser.add_argument("--stores", type=int, default=500, help="for the measure of stores")
    parser.add_argument(
        "--runs", type=int, default=200_000, help="of them; half as many deliveries"
    )
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
    rows: list[figures.Row] = []
    for name in wanted:
        print(f"{name}:", file=sys.stderr)
        rows += MEASURES[name](options)
    print(figures.table(rows))
    print()
    print(figures.machine())


if __name__ == "__main__":
    main()
