"""A shop that counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.brokers import broker_at
from tests.handlers import no_handlers
from tests.observing.scraping import counting


@pytest.fixture
def counted(settings: Any) -> None:
    settings.PANDABASE = counting()


@pytest.fixture
def no_others() -> Iterator[None]:
    """Nothing but the test's own handlers, and no broker that is waited for."""
    with no_handlers(), broker_at("memory://"):
        yield
