"""Requests are counted by what they are for, whatever thread sends them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from pandabase_django.api.wire.traffic import RateLimitWait, Traffic, purpose


def test_a_purpose_travels_with_the_context_into_threads() -> None:
    traffic = Traffic()
    with ThreadPoolExecutor(2) as pool:
        with purpose("orders: new refunds"):
            early = pool.submit(copy_context().run, traffic.sends)
        with purpose("orders: details"):
            late = [pool.submit(copy_context().run, traffic.sends) for _ in range(3)]
        for future in (early, *late):
            future.result()
    traffic.sends()
    assert traffic.requests_for("orders: new refunds") == 1
    assert traffic.requests_for("orders: details") == 3
    assert traffic.requests_sent == 5


def test_a_wait_is_shown_until_it_is_over() -> None:
    now = 100.0
    traffic = Traffic(clock=lambda: now)
    assert traffic.waiting is None
    traffic.waits(RateLimitWait(scope="the token", until=110.0))
    assert traffic.waiting is not None
    now = 110.0
    assert traffic.waiting is None
