"""What docs/protocol.md says of tests is true: they exist, and are marked with the fact."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FACTS = dict(
    re.findall(
        r"^\*\*P-(\d\d)\*\*.*?\nPinned: (.*?)$",
        (ROOT / "docs/protocol.md").read_text(encoding="utf-8"),
        re.M | re.S,
    )
)


@cache
def marks_of(path: str) -> dict[str, set[int]]:
    """Numbers of ``pytest.mark.fact`` by the test's name."""
    found: dict[str, set[int]] = {}
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef):
            continue
        found[node.name] = {
            argument.value
            for decorator in node.decorator_list
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("fact")
            for argument in decorator.args
            if isinstance(argument, ast.Constant) and isinstance(argument.value, int)
        }
    return found


def test_the_facts_are_numbered_in_order() -> None:
    assert list(FACTS) == sorted(FACTS)
    assert {f"{number:02}" for number in range(1, 36)} <= FACTS.keys()


@pytest.mark.parametrize("number", sorted(FACTS))
def test_each_fact_is_pinned_by_tests_that_are_marked_with_it(number: str) -> None:
    pins = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", FACTS[number])
    assert pins, f"P-{number} is pinned by no test."
    for path, name in pins:
        assert name in marks_of(path), f"There is no {path}::{name}."
        assert int(number) in marks_of(path)[name], f"{name} is not marked fact({int(number)})."
