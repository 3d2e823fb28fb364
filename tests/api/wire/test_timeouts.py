"""``timeout=`` of one call bounds its tries and its waits together."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
import responses

from pandabase_django.api.wire.timeouts import Timeouts
from pandabase_django.exceptions import PandabaseError, RateLimited, ServerError
from tests.api.wire.sending import URL, Clock, client
from tests.api.wire.test_broken_answers import _serve
from tests.api.wire.test_slow_answers import DRIPS

OK: dict[str, Any] = {"ok": True, "data": {"id": "prd_1"}}


@pytest.mark.parametrize("part", DRIPS)
def test_an_answer_that_drips_ends_when_the_call_may_take_no_longer(part: str) -> None:
    long = Timeouts(connect_seconds=20, read_seconds=20)
    began = time.monotonic()
    with (
        client(base_url=_serve(DRIPS[part]), timeouts=long, retries=0) as calling,
        pytest.raises(PandabaseError),
    ):
        calling.products.get("prd_1", timeout=0.4)
    assert time.monotonic() - began < 3


def test_it_reaches_every_try(remote: responses.RequestsMock) -> None:
    remote.get(f"{URL}/prd_1", status=503, json={}, headers={"Retry-After": "2"})
    remote.get(f"{URL}/prd_1", json=OK)
    calling = client(clock=Clock(), timeouts=Timeouts(connect_seconds=5, read_seconds=30))
    calling.products.get("prd_1", timeout=12)
    first, second = (call.request.req_kwargs["timeout"] for call in remote.calls)
    assert first == (5, 12)
    # The second one has what the wait of two seconds has left.
    assert second == (5, pytest.approx(10))


def test_a_wait_before_a_retry_that_would_take_longer_is_not_begun(
    remote: responses.RequestsMock,
) -> None:
    remote.get(f"{URL}/prd_1", status=503, json={}, headers={"Retry-After": "4"})
    clock = Clock()
    with pytest.raises(ServerError):
        client(clock=clock).products.get("prd_1", timeout=3)
    assert clock.slept == []


def test_a_limit_that_is_exhausted_for_longer_is_said_at_once(
    remote: responses.RequestsMock,
) -> None:
    clock = Clock()
    remote.get(f"{URL}/prd_1", status=429, json={}, headers={"Retry-After": "10"})
    calling = client(clock=clock)
    with pytest.raises(RateLimited):
        calling.products.get("prd_1", timeout=3)
    # Known from the answer before: nothing is sent.
    with pytest.raises(RateLimited):
        calling.products.get("prd_1", timeout=3)
    assert (len(remote.calls), clock.slept) == (1, [])


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (math.inf, ValueError),
        (math.nan, ValueError),
        (True, TypeError),
        ("3", TypeError),
    ],
)
def test_what_is_no_time_is_refused(given: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="number of seconds"):
        client().products.get("prd_1", timeout=given)
