"""Codes and reasons are on the pages, and the pages name no others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pandabase_django.access import Reason
from pandabase_django.services.webhooks.doctor import REASON_TEXTS
from tests.docs.pages import ROOT

SERVICES = ROOT / "pandabase_django" / "services"


def rows_of(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    text = (ROOT / page).read_text("utf-8").partition(f"\n{heading}\n")[2]
    (table,) = re.findall(r"\|.*\|\n\|[-|]+\|\n((?:\|.*\|\n)+)", text)[:1]
    return [[cell.strip() for cell in line[1:-1].split(" | ")] for line in table.splitlines()]


def codes_of(room: Path) -> Iterator[str]:
    """The first argument of each call of ``refused``, and what a name there may stand for."""
    for path in room.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "refused"):
                continue
            code = node.args[0]
            if isinstance(code, ast.Constant):
                yield str(code.value)
            else:
                yield from NAMED[path.name, ast.unparse(code)]


# Codes that are no literals where they are used.
NAMED = {
    ("asked.py", "name"): ("return_url", "cancel_url"),
    ("asked.py", "code"): ("coupon", "text"),
}


@pytest.mark.parametrize(
    ("page", "heading", "room"),
    [
        ("docs/checkout.md", "### Why it was refused", "checkout"),
        ("docs/actions.md", "### Why it was refused", "actions"),
    ],
)
def test_a_page_names_every_code_of_a_refusal(page: str, heading: str, room: str) -> None:
    shown = [code for row in rows_of(page, heading) for code in re.findall(r"`(\w+)`", row[0])]
    assert sorted(shown) == sorted(set(codes_of(SERVICES / room)))


def test_a_page_has_every_reason_for_which_a_delivery_is_refused() -> None:
    rows = rows_of("docs/webhooks.md", "## When deliveries are refused")
    assert {word.strip("`"): text for word, text in rows} == {
        word: str(text) for word, text in REASON_TEXTS.items()
    }


def test_a_page_names_every_reason_of_an_access() -> None:
    text = (ROOT / "docs/access.md").read_text("utf-8")
    assert [reason for reason in Reason.values if f"`{reason}`" not in text] == []
