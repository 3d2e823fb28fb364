"""Handlers of a test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.handlers import no_handlers

# They run in a project of their own: test_shop.py.
collect_ignore = ["shop"]


@pytest.fixture(autouse=True)
def _no_handlers() -> Iterator[None]:
    with no_handlers():
        yield
