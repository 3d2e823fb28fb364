"""Parts of a run that tests call without the run around them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pandabase_django.observing.logs import about


@pytest.fixture
def of_a_store() -> Iterator[None]:
    """Inside, records name a store, as they do inside a run."""
    with about(store="shp_a"):
        yield
