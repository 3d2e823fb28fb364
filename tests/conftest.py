"""A sandbox for each test, and a store that is connected to it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.core.cache import cache

from pandabase_django.models import ApiToken, Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.webhooks import doctor
from tests.brokers import broker_at
from tests.connecting import connect
from tests.worker import tables


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        tables.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        tables.remove()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those with real processes first: one that begins last would be waited for alone."""
    for item in items:
        if item.get_closest_marker("worker") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(600))
    items.sort(key=lambda item: item.get_closest_marker("worker") is None)


def pytest_collection_finish() -> None:
    """What the modules hold stays: the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    """Arguments of the sandbox: a folder or a file that needs another one overrides these."""
    return {"seed": 7, "products": 10, "orders": 20}


@pytest.fixture
def sandbox(sandbox_options: dict[str, Any]) -> Iterator[Sandbox]:
    cache.clear()
    with Sandbox(**sandbox_options) as running:
        yield running


@pytest.fixture
def token(db: None, sandbox: Sandbox) -> ApiToken:
    return connect(sandbox)


@pytest.fixture
def store(token: ApiToken) -> Store:
    return token.store


@pytest.fixture
def nothing_refused(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process may still note as many as it ever may."""
    cache.clear()
    # The budgets are per process: a test must not live on what the one before it left over.
    monkeypatch.setattr(doctor, "_budget", doctor._Budget())
    monkeypatch.setattr(doctor, "_strangers_budget", doctor._Budget())
    yield
    cache.clear()


@pytest.fixture
def broker() -> Iterator[Any]:
    """An empty queue inside this process; reads the next message, None when there is none."""
    with broker_at("memory://"), current_app.connection_for_read() as connection:
        queue = connection.SimpleQueue("celery")
        queue.clear()

        def read() -> Any:
            try:
                message = queue.get(block=False)
            except queue.Empty:
                return None
            message.ack()
            return message

        yield read
