"""What a dump gives belongs to its caller."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pandabase_django.sandbox import Sandbox
from pandabase_django.sandbox.control.dump import DUMP_KINDS


def _spoil(value: Any) -> None:
    if isinstance(value, dict):
        for inner in value.values():
            _spoil(inner)
        value["spoilt"] = True
    elif isinstance(value, list):
        for inner in value:
            _spoil(inner)
        value.append("spoilt")


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    """With objects as they were seeded and changed ones, of most kinds."""
    sandbox = Sandbox(listen=False, products=20, orders=60)
    sandbox.change(
        [
            {"op": "edit_order", "index": 3, "fields": {"amount": 5}},
            {"op": "edit_product", "index": 1, "fields": {"price": 5}},
            {"op": "delete_product", "index": 2},
        ]
    )
    return sandbox


@pytest.mark.parametrize("kind", DUMP_KINDS)
def test_who_changes_it_changes_no_store(sandbox: Sandbox, kind: str) -> None:
    before = json.dumps(sandbox.dump(kind))
    for found in sandbox.dump(kind):
        _spoil(found)
    assert json.dumps(sandbox.dump(kind)) == before
