"""Medians, a table, and the machine it was measured on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

from django.db import connection

__all__ = ["Row", "machine", "median_of", "table"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    measure: str
    figure: str
    aim: str
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """Whether the aim was met; a dash where there is none."""
        return "-" if self.met is None else "yes" if self.met else "NO"


def median_of(values: Sequence[float]) -> float:
    """The median."""
    return float(median(values))


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = ["| measure | figure | aim | met |", "|---|---|---|---|"]
    lines += [f"| {r.measure} | {r.figure} | {r.aim} | {r.verdict} |" for r in rows]
    return "\n".join(lines)


def machine() -> str:
    """Date, processor, versions; and how busy the machine was."""
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if sqlite else "SHOW server_version")
        (server,) = cursor.fetchone()
    packages = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return (
        f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, commit {commit}. "
        f"{os.cpu_count()} x {_processor()}, {_memory_gib()} GiB, {platform.system()} "
        f"{platform.release()}; load {os.getloadavg()[0]:.1f}. "
        f"Python {sys.version.split()[0]}, {connection.display_name} {server.split()[0]}, "
        f"{packages}."
    )


_PACKAGES = ("Django", "requests", "psycopg", "celery", "dlt")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "processor"


def _memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
