"""Further databases that nobody connects to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connections

__all__ = ["further_databases"]


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
