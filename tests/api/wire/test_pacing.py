"""Workers that share a limit count their requests together once one of them has met it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from email.utils import formatdate

import pytest

from pandabase_django.api.auth import BearerAuth
from pandabase_django.api.wire.rate import COUNT_FOR_SECONDS, MemoryRateState, RateLimits
from pandabase_django.api.wire.replies import RawReply
from pandabase_django.api.wire.timeouts import RequestPolicy
from pandabase_django.api.wire.transport import Transport
from pandabase_django.crypto.secret import Secret
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.tokens.rates import CacheRateState

LIMIT = 5
START = 1_800_000_000.0  # Unix epoch seconds; windows of one second begin on the second


def answer(
    at: float,
    *,
    remaining: int,
    kind: str = "AccountResource",
    behind: float = 0.0,
    limit: int = LIMIT,
    window: int = 1,
) -> RawReply:
    theirs = at - behind
    return RawReply(
        status=200,
        request_id="",
        body=b"{}",
        headers={
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": str(int(theirs) + window),
            "X-RateLimit-Type": kind,
            "Date": formatdate(theirs, usegmt=True),
        },
        received_at=at,
    )


def limits(state: MemoryRateState, token: str = "1") -> RateLimits:
    return RateLimits(store_id="shp_1", token_key=token, state=state)


def two_windows(*workers: RateLimits, kind: str = "AccountResource") -> None:
    """Each has met the limit, and seen the ends of two windows."""
    for worker in workers:
        for at in (START + 0.5, START + 1.5):
            worker.note(answer(at, remaining=0, kind=kind), sent_at=at)


def test_of_several_workers_no_more_are_admitted_than_a_window_allows() -> None:
    state = MemoryRateState()
    workers = [limits(state) for _ in range(4)]
    two_windows(*workers)
    for second in (2, 3, 9):  # also after seconds of which nobody saw an answer
        now = START + second + 0.1
        assert [w.admits(now) for _ in range(3) for w in workers].count(True) == LIMIT
        assert workers[0].seconds_blocked(now) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("kind", "together"),
    [("GlobalResource", True), ("StoreResource", True), ("AccountResource", False)],
)
def test_who_shares_a_limit_is_what_the_answers_say(kind: str, together: bool) -> None:
    state = MemoryRateState()
    workers = [limits(state, token) for token in ("1", "2")]
    two_windows(*workers, kind=kind)
    now = START + 4.1
    admitted = [w.admits(now) for _ in range(LIMIT) for w in workers].count(True)
    assert admitted == (LIMIT if together else 2 * LIMIT)


def test_nothing_is_counted_until_a_limit_was_met_nor_long_afterwards() -> None:
    state = MemoryRateState()
    worker = limits(state)
    for at in (START + 0.5, START + 1.5):
        worker.note(answer(at, remaining=3), sent_at=at)
    assert all(worker.admits(START + 2.1) for _ in range(3 * LIMIT))
    two_windows(worker)
    later = START + 1.5 + COUNT_FOR_SECONDS
    assert all(worker.admits(later) for _ in range(3 * LIMIT))


def test_a_window_of_unknown_length_is_counted_to_its_end_alone() -> None:
    worker = limits(MemoryRateState())
    worker.note(answer(START + 0.1, remaining=0), sent_at=START + 0.1)
    assert not worker.admits(START + 0.5)
    assert all(worker.admits(START + 1.5) for _ in range(3 * LIMIT))


def test_where_endpoints_have_limits_of_their_own_nothing_is_counted() -> None:
    worker = limits(MemoryRateState())
    two_windows(worker)
    worker.note(answer(START + 2.2, remaining=1, limit=2), sent_at=START + 2.2)
    assert all(worker.admits(START + 4.1) for _ in range(3 * LIMIT))
    # A minute after the last limit was met, it may have one again.
    later = START + 100
    worker.note(answer(later, remaining=3), sent_at=later)
    for second in (0.5, 1.5):
        worker.note(answer(later + second, remaining=0), sent_at=later + second)
    admitted = [worker.admits(later + 3.1) for _ in range(2 * LIMIT)]
    assert admitted.count(True) == LIMIT


def test_a_reset_that_is_far_away_stops_nobody() -> None:
    worker = limits(MemoryRateState())
    worker.note(answer(START + 0.5, remaining=0), sent_at=START + 0.5)
    year = answer(START + 1.5, remaining=3, window=365 * 86_400)
    worker.note(year, sent_at=START + 1.5)
    assert all(worker.admits(START + 1.6) for _ in range(3 * LIMIT))
    assert worker.seconds_blocked(START + 1.7) == 0


def test_a_remote_whose_clock_is_behind_has_its_own_windows() -> None:
    worker = limits(MemoryRateState())
    for at in (START + 0.5, START + 1.5):
        worker.note(answer(at, remaining=0, behind=100.0), sent_at=at)
    now = START + 4.6
    assert [worker.admits(now) for _ in range(2 * LIMIT)].count(True) == LIMIT


def test_who_begins_after_a_limit_was_met_counts_from_the_first_request() -> None:
    state = MemoryRateState()
    two_windows(limits(state))
    now = START + 4.1
    admitted = [limits(state).admits(now) for _ in range(2 * LIMIT)]
    assert admitted.count(True) == LIMIT
    later = START + 1.5 + COUNT_FOR_SECONDS
    assert all(limits(state).admits(later) for _ in range(2 * LIMIT))


def together(ask: Callable[[], object], *, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for asked in [pool.submit(ask) for _ in range(threads)]:
            asked.result()


@pytest.mark.django_db
@pytest.mark.fact(29)
@pytest.mark.parametrize("requests_of_a_client", [1, 8])
def test_new_clients_keep_to_a_real_limit_that_others_met(requests_of_a_client: int) -> None:
    with Sandbox(products=1, orders=1, rate_limit=20, latency_ms=20) as sandbox:
        secret = sandbox.bearer_token.secret
        path = f"/v2/core/stores/{sandbox.store_id}/products"

        def client() -> Transport:
            return Transport(
                base_url=sandbox.url,
                auth=BearerAuth(Secret(secret)),
                limits=RateLimits(
                    store_id=sandbox.store_id, token_key="pacing", state=CacheRateState()
                ),
                policy=RequestPolicy(),
            )

        def ask() -> None:
            for _ in range(8 // requests_of_a_client):
                with closing(client()) as transport:
                    for _ in range(requests_of_a_client):
                        transport.send("GET", path, repeatable=True)

        with closing(client()) as first:
            together(
                lambda: [first.send("GET", path, repeatable=True) for _ in range(12)], threads=4
            )
        before = len(sandbox.requests())
        together(ask, threads=16)
        statuses = Counter(entry["status"] for entry in sandbox.requests()[before:])
    assert statuses[200] == 128
    # What is under way when a window ends.
    assert statuses[429] <= 10
