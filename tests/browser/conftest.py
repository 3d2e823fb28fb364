"""A running shop for all that leave it as it is, a fresh browser for each test."""

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


# With ``--dist loadgroup`` these run in one process: so it is started once.
@pytest.fixture(scope="session")
def shop(_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop with a past and a worker; no test may change what the pages of its seed show."""
    with running_shop(tmp_path_factory.mktemp("shop"), worker=True) as running:
        yield running


# Not wider than a test: Playwright's event loop would stand in the way of Django's ORM.
@pytest.fixture
def browser(_possible: None) -> Iterator[Browser]:
    with chromium() as running:
        yield running
