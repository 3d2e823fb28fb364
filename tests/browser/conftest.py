"""A running shop for each module, a fresh browser for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import chromium, why_not
from tests.browser.shop import Shop, running_shop
from tests.required import skip

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def _possible() -> None:
    if reason := why_not():
        skip("browser", reason=reason)


@pytest.fixture(scope="module")
def shop(_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop with a past and a worker."""
    with running_shop(tmp_path_factory.mktemp("shop"), worker=True) as running:
        yield running


# Not wider than a test: Playwright's event loop would stand in the way of Django's ORM.
@pytest.fixture
def browser(_possible: None) -> Iterator[Browser]:
    with chromium() as running:
        yield running
