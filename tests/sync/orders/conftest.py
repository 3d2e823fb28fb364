"""A sync of orders by a token with half of the rights, and what its steps were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pandabase_django.models import SyncRun
from pandabase_django.sandbox import ALL_PERMISSIONS, Sandbox
from pandabase_django.services.sync.runs import sync_resource
from tests.connecting import connect

__all__ = ["steps", "sync_without"]


def steps(run: SyncRun) -> dict[str, dict[str, Any]]:
    return {step["strategy"]: step for step in run.steps}


@pytest.fixture
def sync_without(sandbox: Sandbox, db: None) -> Callable[..., Callable[..., SyncRun]]:
    """A sync of orders by a token that lacks permissions."""

    def prepare(*denied: str) -> Callable[..., SyncRun]:
        token = sandbox.add_token(permissions=[p for p in ALL_PERMISSIONS if p not in denied])
        store = connect(sandbox, token).store

        def run(**options: Any) -> SyncRun:
            trigger = SyncRun.Trigger.COMMAND
            return sync_resource(store, resource="orders", trigger=trigger, **options).run

        return run

    return prepare
