"""The table of docs/reference/support.md, made of the last run of each cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cells import CELLS
from installed import ROOT

__all__ = ["PAGE", "Result", "write"]

PAGE = ROOT / "docs" / "reference" / "support.md"
BLOCK = re.compile(r"(<!-- matrix -->\n).*?(<!-- /matrix -->)", re.S)
HEAD = (
    "| cell | what is other than in the base | versions | result | date | commit |",
    "|---|---|---|---|---|---|",
)


@dataclass(frozen=True, slots=True)
class Result:
    """How a cell ended.

    Attributes:
        name: Of the cell.
        outcome: “passed in 31 s”, “FAILED: …” or “NOT RUN: …”.
        versions: What ran, as text.
        date: UTC, such as 2026-11-29.
        commit: Short, with a + where files differed from it.
    """

    name: str
    outcome: str
    versions: str = ""
    date: str = ""
    commit: str = ""


def write(results: list[Result], page: Path = PAGE) -> None:
    """Replace the rows of these cells; rows of other cells stay as their last run left them."""
    text = page.read_text(encoding="utf-8")
    found = BLOCK.search(text)
    if found is None:
        raise SystemExit(f"{page} lacks the lines between which the table stands.")
    rows = {line.split("`")[1]: line for line in found[0].splitlines() if line.startswith("| `")}
    varies = {cell.name: cell.varies for cell in CELLS}
    for one in results:
        # What could not be tried says nothing against what an earlier run showed.
        if one.outcome.startswith("NOT RUN") and one.name in rows:
            continue
        parts = (f"`{one.name}`", varies[one.name], one.versions, one.outcome, one.date, one.commit)
        rows[one.name] = f"| {' | '.join(part.replace('|', '/') for part in parts)} |"
    table = "\n".join((*HEAD, *(rows[cell.name] for cell in CELLS if cell.name in rows)))
    page.write_text(BLOCK.sub(lambda _: f"{found[1]}{table}\n{found[2]}", text), encoding="utf-8")
