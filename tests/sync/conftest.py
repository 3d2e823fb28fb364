"""A store on the local sandbox, opened by a token that was added as a shop would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pandabase_django.models import Store
from tests.sync.misbehaviour import pass_time
from tests.sync.moments import moments, transactional_db
from tests.sync.world import large_world, open_world, sync_of, world

__all__ = [
    "Sync",
    "large_world",
    "moments",
    "open_world",
    "pass_time",
    "transactional_db",
    "world",
]

Sync = Callable[..., Any]  # a RunResult, or a Comparison of a dry run


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 120, "orders": 230}


@pytest.fixture
def sync(store: Store) -> Sync:
    def run(resource: str, **options: Any) -> Any:
        return sync_of(store, resource, **options)

    return run
