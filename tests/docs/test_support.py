"""The support table is of the matrix's cells, and its script keeps the rows that it did not run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "support.md"
HERE = ("cells", "installed", "processes", "table")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script's own module; it is no package, and what it imports is forgotten again."""
    monkeypatch.syspath_prepend(str(ROOT / ".ci" / "matrix"))
    import table

    yield table
    for name in HERE:
        sys.modules.pop(name, None)


def test_each_cell_has_a_row(table: ModuleType) -> None:
    rows = [line.split("`")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    cells = [cell.name for cell in table.CELLS]
    assert len(cells) == len(set(cells)) > 20
    assert [name for name in rows if name in cells] == cells


def test_only_the_rows_that_ran_are_written_anew(table: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "support.md"
    page.write_text("# Before\n<!-- matrix -->\n<!-- /matrix -->\nAfter\n")
    table.write([table.Result("sqlite", "passed in 3 s"), table.Result("base", "passed")], page)
    table.write([table.Result("sqlite", "FAILED: no disk | none")], page)
    table.write([table.Result("sqlite", "NOT RUN: no disk")], page)  # says nothing of earlier runs
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == ["base", "sqlite"]
    assert "| passed |" in rows[0]
    assert "FAILED: no disk / none" in rows[1]
    assert "passed in 3 s" not in text
    assert text.startswith("# Before\n")
    assert text.endswith("\nAfter\n")
