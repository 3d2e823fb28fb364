"""Slow senders beside good deliveries, at each kind of server. It prints the table of webhooks.md.

PANDABASE_SLOW_SENDERS says how many; ``make soak-webhooks`` tries none, some and many.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import pytest

from pandabase_django.models import WebhookEndpoint
from tests.load.deliveries import delivery
from tests.load.drips import Drips
from tests.load.sender import Outcome, Shot, percentile, send
from tests.load.server import Gunicorn, Uvicorn

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(900),
]

Environment = dict[str, str]
SERVERS: dict[str, Callable[[Environment], Gunicorn | Uvicorn]] = {
    "sync": lambda environment: Gunicorn(environment, "--workers", "2"),
    "gthread": lambda environment: Gunicorn(
        environment, "--workers", "2", "--worker-class", "gthread", "--threads", "8"
    ),
    "plain": lambda environment: Uvicorn(environment, "plain"),
    "bounded": lambda environment: Uvicorn(environment, "application"),
}
SLOW = [int(n) for n in os.environ.get("PANDABASE_SLOW_SENDERS", "16").split()]
GOOD = 12


@pytest.mark.parametrize("name", SERVERS)
def test_a_table_of_slow_senders(
    name: str,
    environment: Environment,
    endpoint: WebhookEndpoint,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for slow in SLOW:
        with SERVERS[name](environment) as server:
            warm = [Shot(n / 20, delivery(endpoint.pk, f"evt_{slow}_w{n}")) for n in range(20)]
            assert {outcome.status for outcome in send(server.port, warm)} == {200}
            with Drips(server.port, endpoint.pk, slow) as drips:
                started = time.monotonic()
                shots = [
                    Shot(1 + n / 6, delivery(endpoint.pk, f"evt_{slow}_{n}")) for n in range(GOOD)
                ]
                outcomes = send(server.port, shots)
                time.sleep(max(0.0, started + 20 - time.monotonic()))
                held, answered = drips.held, dict(drips.statuses)
        report(f"{name}, {slow} slow", outcomes, f"held at the end: {held}, {answered}", capsys)
        good = [outcome for outcome in outcomes if outcome.status == 200]
        if name in ("plain", "bounded") or not slow:
            assert len(good) == GOOD
        if name == "sync" and slow:
            assert len(good) < GOOD
        if name == "plain":
            assert held == slow
        if name == "bounded":
            assert (held, answered) == (0, {408: slow} if slow else {})
            assert all(14 < seconds < 18 for seconds in drips.ended_after)


def report(
    title: str, outcomes: list[Outcome], rest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [outcome for outcome in outcomes if outcome.status == 200]
    half, most = (percentile(outcomes, share) for share in (0.5, 1))
    with capsys.disabled():
        sys.stdout.write(
            f"\n{title}: {len(good)} of {len(outcomes)} answered,"
            f" half within {half * 1000:.0f} ms, all {most * 1000:.0f} ms; {rest}\n"
        )
