"""A store whose orders are here, a change of one, and deliveries whose wait is over."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from pandabase_django.models import (
    Store,
    SyncRun,
    WebhookDelivery,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.runs import sync_resource

__all__ = ["change", "make_due", "synced"]


@pytest.fixture
def synced(store: Store) -> Store:
    sync_resource(store, resource="orders", trigger=SyncRun.Trigger.COMMAND)
    return store


def change(sandbox: Sandbox, **change: Any) -> str:
    """Change an order at the remote; gives its id."""
    return next(touched for touched in sandbox.change([change]) if touched.startswith("ord_"))


def make_due() -> None:
    WebhookDelivery.objects.filter(state="PENDING").update(next_attempt_at=timezone.now())
