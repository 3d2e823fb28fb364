"""Runs a day of a shop in many deployments, each from the wheel.

    python .ci/matrix                   all cells; rewrites the table of docs/reference/support.md
    python .ci/matrix --list            names of the cells, and whether each can run here
    python .ci/matrix --only sqlite     this cell alone, as often as you like; its row is rewritten

Servers that must be there: MATRIX_POSTGRESQL, MATRIX_REDIS and MATRIX_RABBITMQ say where, if not
at the usual ports of this machine. A run has databases and queues of its own. Exits 1 if a cell
failed.
"""

from __future__ import annotations

import argparse
import datetime
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The browser and the people of the demo's shop are of the same commit as the wheel.
sys.path.append(str(ROOT))

from cells import CELLS, Cell  # noqa: E402
from day import a_day  # noqa: E402
from deployment import deployed  # noqa: E402
from installed import built_wheel, environment_of, interpreter, versions  # noqa: E402
from processes import Failed  # noqa: E402
from servers import missing  # noqa: E402
from table import PAGE, Result, write  # noqa: E402

FOLDER = ROOT / ".matrix"
OF_ALL = ("django", "celery")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="show the cells and run none")
    parser.add_argument("--only", nargs="+", default=[], help="names of cells")
    parser.add_argument("--no-table", action="store_true", help="leave the documentation as it is")
    given = parser.parse_args()
    chosen = [cell for cell in CELLS if not given.only or cell.name in given.only]
    if unknown := set(given.only) - {cell.name for cell in CELLS}:
        parser.error(f"no such cell: {', '.join(sorted(unknown))}")
    if given.list:
        for cell in chosen:
            say(f"{cell.name:26}{cell.varies}; {why_not(cell) or 'can run here'}")
        return 0
    wheel = built_wheel(FOLDER / "dist")
    results = [ended(cell, wheel) for cell in chosen]
    say("")
    for one in results:
        say(f"{one.name:26}{one.outcome}")
    if not given.no_table:
        write(results)
    return int(any(one.outcome.startswith("FAILED") for one in results))


def why_not(cell: Cell) -> str:
    """Why a cell can't run on this machine; "" if it can."""
    if not interpreter(cell.python):
        return f"no Python {cell.python} here"
    return "; ".join(filter(None, map(missing, cell.needs)))


def ended(cell: Cell, wheel: Path) -> Result:
    """Run a cell, whatever comes of it."""
    say(f"\n=== {cell.name}: {cell.varies}")
    today = f"{datetime.datetime.now(tz=datetime.timezone.utc):%Y-%m-%d}"
    if reason := why_not(cell):
        say(f"NOT RUN: {reason}")
        return Result(cell.name, f"NOT RUN: {reason}", date=today, commit=commit())
    folder, shown = FOLDER / "runs" / cell.name, ""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        python = environment_of(cell, wheel=wheel, folder=FOLDER / "environments")
        found = versions(python, (*OF_ALL, *cell.shows))
        shown = ", ".join(f"{name} {version}" for name, version in found.items())
        started = time.monotonic()
        with deployed(cell, python=python, folder=folder) as shop:
            a_day(shop, say)
            outcome = f"passed in {time.monotonic() - started:.0f} s"
    except Exception as error:  # noqa: BLE001  one cell's end keeps no other from running
        kind = "" if isinstance(error, Failed) else f"{type(error).__name__} "
        outcome = f"FAILED: {kind}{' '.join(str(error).split())[:300]}"
        say(f"Logs: {folder / 'logs'}")
    say(outcome)
    return Result(cell.name, outcome, versions=shown, date=today, commit=commit())


def commit() -> str:
    """Short name of the commit, with a + where files differ from it.

    The wheel is of the commit, and the shop's project and these scripts are of the files. The page
    of the table counts for nothing: another run may have written it.
    """
    changed = ("status", "--porcelain", "--", ".", f":(exclude){PAGE.relative_to(ROOT)}")
    short, changes = (
        subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for words in (("rev-parse", "--short", "HEAD"), changed)
    )
    return short.strip() + ("+" if changes.strip() else "")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


sys.exit(main())
