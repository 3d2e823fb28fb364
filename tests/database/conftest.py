"""Further databases that nobody connects to, and the migrations that other tests do without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder

__all__ = ["further_databases", "migrations"]


@pytest.fixture
def further_databases() -> Iterator[None]:
    names = ("second", "replica")
    for name in names:
        connections.settings[name] = {**connections.settings["default"]}
    yield
    for name in names:
        del connections.settings[name]
        if hasattr(connections._connections, name):
            del connections[name]


@pytest.fixture
def migrations(settings: Any, transactional_db: None) -> Iterator[None]:
    """The suite makes its tables without migrations; here they count as applied."""
    settings.MIGRATION_MODULES = {}
    call_command("migrate", fake=True, skip_checks=True, verbosity=0)
    yield
    # Django's own flush leaves this table alone.
    MigrationRecorder(connection).flush()
