"""What is kept of licences fits into caches that pickle nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import caches

from pandabase_django.api.wire.rate import Windows
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.tokens.rates import CacheRateState
from tests.json_cache import JSON_CACHE
from tests.licenses.asking import ask, asked

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _cache(settings: Any) -> None:
    settings.CACHES = JSON_CACHE
    caches["default"].clear()


def test_a_proof_of_a_json_cache_answers_again(sandbox: Sandbox, claimed: dict[str, Any]) -> None:
    first, again = ask(claimed["key"]), ask(claimed["key"])
    assert {**again, "age_seconds": 0} == {**first, "age_seconds": 0}
    assert asked(sandbox) == 1


def test_windows_of_a_json_cache_are_shared() -> None:
    windows = Windows(limit=5, reset=1.0, ahead_seconds=0.0, counted_until=4e9)
    CacheRateState().share("ip", windows)
    assert CacheRateState().windows(["ip"]) == {"ip": windows}
