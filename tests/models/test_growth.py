"""What the page on databases says of growth names every table, and settings that exist."""

from __future__ import annotations

import re
from pathlib import Path

from django.apps import apps

from pandabase_django import conf

PAGE = Path(__file__).resolve().parents[2] / "docs/databases.md"
SETTING = re.compile(r"`([A-Z_]+)`")
UNBOUNDED = ("kept for ever", "one row for each thing that there is")


def said() -> list[tuple[list[str], str]]:
    """The tables of each line, and what bounds them."""
    _, _, section = PAGE.read_text().partition("### What grows, and what bounds it")
    lines = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    return [(re.findall(r"`(\w+)`", line[1]), line[3].strip()) for line in lines]


def test_every_table_is_named_once() -> None:
    named = [name for names, _ in said() for name in names]
    there = {model.__name__ for model in apps.get_app_config("pandabase").get_models()}
    assert sorted(named) == sorted(there)


def test_every_table_is_bounded_by_a_setting_with_a_default_or_said_to_be_kept() -> None:
    for names, bound in said():
        settings = SETTING.findall(bound)
        assert settings or bound.startswith(UNBOUNDED), names
        for setting in settings:
            assert conf.DEFAULTS[setting] > 0


def test_every_setting_that_keeps_rows_is_named() -> None:
    named = {name for _, bound in said() for name in SETTING.findall(bound)}
    assert named == {name for name in conf.DEFAULTS if name.endswith("_RETENTION_DAYS")}
