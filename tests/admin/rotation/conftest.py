"""A sandbox for each test, since secrets change, and who may rotate them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from pandabase_django.models import ApiToken
from pandabase_django.sandbox import Sandbox
from tests.admin.conftest import Login
from tests.admin.rotation.forms import (
    RIGHTS,
    add,
)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    cache.clear()
    with Sandbox(seed=4, products=3, orders=3) as running:
        yield running


@pytest.fixture
def standby(token: ApiToken, sandbox: Sandbox) -> ApiToken:
    return add(sandbox, name="Spare")


@pytest.fixture
def owner(login: Login) -> Client:
    return login(*RIGHTS)
