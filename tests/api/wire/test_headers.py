"""A rate limit is waited for by the remote's clock, and no header holds a shop up for long."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from pandabase_django.api.auth import HmacAuth
from pandabase_django.api.wire.headers import MAX_BLOCK_SECONDS, blocked_until, clock_skew_seconds
from pandabase_django.api.wire.rate import RateLimits
from pandabase_django.api.wire.timeouts import RequestPolicy
from pandabase_django.api.wire.transport import Transport
from pandabase_django.crypto.secret import Secret
from pandabase_django.sandbox import Sandbox

SENT_AT, RECEIVED_AT = 1_800_000_000.2, 1_800_000_000.3
QUARTER_OF_AN_HOUR = 900.0


def until(headers: dict[str, str], *, refused: bool = True, took: float = 0.1) -> float | None:
    """Seconds from the answer until the next request may be sent."""
    found = blocked_until(
        headers, refused=refused, sent_at=RECEIVED_AT - took, received_at=RECEIVED_AT
    )
    return None if found is None else found - RECEIVED_AT


@pytest.mark.fact(29)
@pytest.mark.parametrize("ahead_seconds", [-120, -3, 3, 120])
@pytest.mark.parametrize("refused", [True, False])
def test_a_clock_that_is_off_waits_as_long_as_a_right_one(
    ahead_seconds: int, refused: bool
) -> None:
    theirs = RECEIVED_AT - ahead_seconds
    headers = {
        "Date": formatdate(theirs, usegmt=True),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(theirs) + 30),
    }
    waits = until(headers, refused=refused)
    assert waits is not None
    # The date has whole seconds: up to one too long, but never too short.
    assert 30 - theirs % 1 <= waits <= 31


@pytest.mark.parametrize("dated", [None, 0.0, 10.0, 25.0])
def test_a_clock_that_may_be_right_is_believed(dated: float | None) -> None:
    reset = int(RECEIVED_AT) + 30
    headers = {"X-RateLimit-Reset": str(reset)}
    if dated is not None:
        headers["Date"] = formatdate(RECEIVED_AT - dated, usegmt=True)
    assert until(headers, took=25.0) == reset - RECEIVED_AT


@pytest.mark.fact(29)
@pytest.mark.parametrize(
    "headers",
    [
        {"X-RateLimit-Reset": "99999999999"},
        {"X-RateLimit-Reset": str(int(RECEIVED_AT) + 86_400)},
        {"Retry-After": "4000000000"},
        {"X-RateLimit-Reset": "1800000030", "Date": "Mon, 01 Jan 1900 00:00:00 GMT"},
        {"X-RateLimit-Reset": "1800000030", "Date": "Mon, 16 Mar 9999 23:59:59 -1400"},
    ],
)
@pytest.mark.parametrize("refused", [True, False])
def test_no_header_blocks_for_more_than_a_quarter_of_an_hour(
    headers: dict[str, str], refused: bool
) -> None:
    waits = until({**headers, "X-RateLimit-Remaining": "0"}, refused=refused)
    assert MAX_BLOCK_SECONDS == QUARTER_OF_AN_HOUR
    assert waits is None or 0 < waits <= QUARTER_OF_AN_HOUR


@pytest.mark.parametrize(
    ("headers", "refused", "expected"),
    [
        ({}, False, None),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "1800000030"}, False, None),
        ({"X-RateLimit-Remaining": "0"}, False, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000000"}, False, None),
        ({}, True, 1.0),
        ({"X-RateLimit-Reset": "soon"}, True, 1.0),
        ({"X-RateLimit-Reset": "1700000000", "Retry-After": "7"}, True, 7.0),
        ({"X-RateLimit-Reset": "1700000000", "Retry-After": "nan"}, True, 1.0),
        ({"Retry-After": "0"}, True, 1.0),
        ({"Retry-After": "Mon, 01 Jan 2024 00:00:00 GMT"}, True, 1.0),
        ({"X-RateLimit-Remaining": "0", "Retry-After": "0"}, False, None),
    ],
)
def test_an_answer_blocks_only_by_what_it_tells(
    headers: dict[str, str], refused: bool, expected: float | None
) -> None:
    assert until(headers, refused=refused) == expected


@pytest.mark.parametrize("text", ["Mon, 16 Mar 2026 05:37:02 +" + "9" * 20, "1" * 5000, "soon", ""])
def test_a_date_that_is_none_breaks_nothing(text: str) -> None:
    # It is read after the answer to a roll arrived and before it is kept.
    headers = {"Date": text, "X-RateLimit-Reset": "1800000030"}
    assert until(headers) == 1_800_000_030 - RECEIVED_AT
    assert clock_skew_seconds(headers, sent_at=SENT_AT, received_at=RECEIVED_AT) is None


@pytest.mark.fact(29)
@pytest.mark.parametrize("ahead_seconds", [-120, 0, 120])
def test_a_shop_whose_clock_is_off_keeps_to_a_limit(ahead_seconds: int) -> None:
    with Sandbox(seed=7, products=10, orders=30, rate_limit=20) as sandbox:
        token = sandbox.hmac_token
        transport = Transport(
            base_url=sandbox.url,
            auth=HmacAuth(token.token_id, Secret(token.secret)),
            limits=RateLimits(store_id=sandbox.store_id, token_key="1"),
            policy=RequestPolicy(),
            clock=lambda: time.time() + ahead_seconds,
        )
        started = time.monotonic()
        for _ in range(60):
            transport.send("GET", f"/v2/core/stores/{sandbox.store_id}/orders", repeatable=True)
        assert time.monotonic() - started < 50  # each minute of a wrong clock would be waited for
        # A few are refused when a second turns between counting and answering.
        assert transport.traffic.requests_sent <= 63
        transport.close()
