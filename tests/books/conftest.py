"""A store at the sandbox whose lists of money were all read."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from pandabase_django.models import Store
from tests.sync.world import sync_of

__all__ = ["Sync", "pandabase_close"]

Sync = Callable[..., None]


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 10, "orders": 60}


@pytest.fixture
def read_all(store: Store) -> Sync:
    def read(*resources: str) -> None:
        for resource in resources or ("orders", "ledger", "payouts"):
            assert sync_of(store, resource).run.state == "COMPLETED"

    return read


def pandabase_close(*arguments: str) -> tuple[int, Any]:
    """Its exit code, and what it says as JSON."""
    out, code = io.StringIO(), 0
    try:
        call_command("pandabase_close", *arguments, "--format", "json", stdout=out)
    except CommandError as error:
        code = error.returncode
    return code, json.loads(out.getvalue() or "null")
