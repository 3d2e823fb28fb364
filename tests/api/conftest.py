"""A remote that answers what a test tells it to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses


@pytest.fixture
def remote() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock
