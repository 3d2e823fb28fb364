"""A licence that somebody has bought, and a cache that remembers no question."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from pandabase_django.models import Store
from pandabase_django.sandbox import Sandbox
from tests.sync.world import sync_of


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def claimed(sandbox: Sandbox, store: Store) -> dict[str, Any]:
    """A licence that somebody has bought, mirrored."""
    sync_of(store, "licenses")
    return next(one for one in sandbox.dump("licenses") if one["status"] == "CLAIMED")
