"""A store on the local sandbox, opened by a token that was added as a shop would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pandabase_django.api import transport
from pandabase_django.models import Store, SyncRun
from pandabase_django.services.sync.runs import RunResult, sync_resource
from tests.sync.moments import moments, transactional_db
from tests.sync.world import large_world, open_world, world

__all__ = [
    "Sync",
    "large_world",
    "moments",
    "open_world",
    "short_backoff",
    "transactional_db",
    "world",
]

Sync = Callable[..., RunResult]


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 120, "orders": 230}


@pytest.fixture
def sync(store: Store) -> Sync:
    def run(resource: str, **options: Any) -> RunResult:
        return sync_resource(store, resource=resource, trigger=SyncRun.Trigger.COMMAND, **options)

    return run


@pytest.fixture
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are tried as often as ever, with hardly a pause: what fails for long is reached."""
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0.002)
