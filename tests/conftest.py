"""A sandbox for each test, and a store that is connected to it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.core.cache import cache

from pandabase_django.api.wire import transport
from pandabase_django.models import ApiToken, Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.webhooks import doctor
from pandabase_django.tasks import rows
from tests.brokers import broker_at
from tests.connecting import connect
from tests.nameless import nameless_records
from tests.worker import tables


def pytest_configure(config: pytest.Config) -> None:
    # What a test sends without a broker of its own must reach no worker of this machine.
    current_app.conf.broker_url = "memory://"
    if not hasattr(config, "workerinput"):
        tables.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        tables.remove()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those with real processes or a browser first: one that begins last is waited for alone."""
    items.sort(key=lambda item: not any(map(item.get_closest_marker, ("worker", "browser"))))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Groups are kept; what the modules hold stays, and the collector leaves it alone."""
    if getattr(session.config.option, "loadgroup", False):
        for item in session.items:
            if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
                raise pytest.UsageError("This pytest and pytest-xdist ignore xdist_group.")
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _broker_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test does not wait for the pause that the one before it left behind."""
    monkeypatch.setattr(rows._Broker, "failed_at", None)


@pytest.fixture(autouse=True)
def _work_names_its_store() -> Iterator[None]:
    with nameless_records() as found:
        yield
    assert found == []


@pytest.fixture
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are tried as often as ever, with hardly a pause."""
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0.002)


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


@pytest.fixture
def dead_broker() -> Iterator[None]:
    """A broker that nobody answers for."""
    with broker_at("redis://127.0.0.1:9/0"):
        yield
