"""Eager mode runs a task inside its caller: nothing may wait there for a better time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app

from pandabase_django import tasks
from pandabase_django.models import Store, SyncRun
from pandabase_django.sandbox import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_backoff")]


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 5, "orders": 10}


@pytest.fixture(autouse=True)
def _eager() -> Iterator[None]:
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


def test_a_sync_that_fails_is_tried_once(sandbox: Sandbox, store: Store) -> None:
    match = {"method": "GET", "path_regex": "."}
    sandbox.fault([{"match": match, "times": 0, "action": "status", "args": {"status": 503}}])
    began = time.monotonic()
    tasks.sync_store.delay(store.pk, trigger="ADMIN")
    assert time.monotonic() - began < 45
    assert sorted(SyncRun.objects.values_list("resource", "state")) == [
        ("orders", "FAILED"),
        ("products", "FAILED"),
    ]
