"""docs/sandbox.md lists what the sandbox serves, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from pandabase_django.sandbox.api.routes import ADMINISTRATION, OPERATIONS
from pandabase_django.sandbox.checkout.routes import PUBLIC

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"


def test_the_page_lists_each_operation_once() -> None:
    text = PAGE.read_text(encoding="utf-8")
    section = text.partition("## What it serves")[2].partition("\n### ")[0]
    listed = [
        (method, path.strip("/"))
        for methods, path in re.findall(r"`([A-Z ]+) (/[^`]*)`", section)
        for method in methods.split()
    ]
    store_api = [(each.method, each.path) for each in (*OPERATIONS, *ADMINISTRATION)]
    public = [(method, path) for path, methods in PUBLIC.items() for method in methods]
    assert sorted(listed) == sorted([*store_api, *public])
    assert len(OPERATIONS) == 71
