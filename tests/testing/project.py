"""The shop that the pages make: the first steps, the tutorial, and the tests of testing.md."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from django.core.management import call_command

__all__ = ["add_tests", "build_shop"]

ROOT = Path(__file__).resolve().parents[2]
SHOP = Path(__file__).resolve().parent / "shop"
BLOCK = re.compile(r"^```\w+\n(?:#|\{#) (\S+\.(?:py|html))(.*?)^```", re.M | re.S)


def build_shop(folder: Path) -> None:
    """Make the project in an empty folder, with its tests."""
    call_command("startproject", "shop", str(folder))
    (folder / "courses").mkdir()
    call_command("startapp", "courses", str(folder / "courses"))
    _write_blocks("first-steps", folder)
    _write_blocks("selling", folder)
    add_tests(folder)


def add_tests(folder: Path) -> None:
    """Add the shop's tests, and those of the page, to a project that the other pages made."""
    _write_blocks("testing", folder)
    for path in SHOP.iterdir():
        if path.is_file():
            shutil.copy(path, folder)


def _write_blocks(page: str, folder: Path) -> None:
    """Append each block that names a file in its first line to that file."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    for name, rest in BLOCK.findall(text):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"# {name}{rest}" if path.suffix == ".py" else rest.partition("\n")[2])


if __name__ == "__main__":
    add_tests(Path(sys.argv[1]))
