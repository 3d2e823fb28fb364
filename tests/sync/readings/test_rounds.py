"""How fast a list is read round, and how seldom what is lacking is looked for."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from pandabase_django.services.sync.orders.orders import ORDERS
from pandabase_django.services.sync.readings.rolling import (
    PAGES_PER_RUN,
    Round,
    _pages_due,
    hurry,
    start_round,
)
from pandabase_django.services.sync.readings.unseen import Lacking
from pandabase_django.services.sync.run.checkpoints import Checkpoints


@pytest.fixture(autouse=True)
def _one_poll_in_ten(settings: Any) -> None:
    settings.PANDABASE = {
        **settings.PANDABASE,
        "SYNC_INTERVAL_SECONDS": 360,
        "FULL_SWEEP_INTERVAL_SECONDS": 3600,
    }


@pytest.mark.parametrize(
    ("minutes", "page", "pages"),
    [(0, 0, 10), (6, 10, 10), (27, 10, 45), (54, 90, 10), (54, 95, 5), (600, 0, 100), (27, 99, 2)],
)
def test_a_hurried_round_ends_when_its_interval_does(minutes: int, page: int, pages: int) -> None:
    # A second less, since some time passes until it is computed.
    started = timezone.now() - timedelta(minutes=minutes) + timedelta(seconds=1)
    assert _pages_due(Round(page=page, pages=100, started=started, hurry=True)) == pages
    assert _pages_due(Round(page=page, pages=100, started=started)) == PAGES_PER_RUN


def test_a_round_that_has_not_begun_reads_as_many_pages_as_any() -> None:
    assert _pages_due(Round(page=0, pages=100, hurry=True)) == PAGES_PER_RUN


def test_hurry_begins_a_round_or_lets_another_one_follow() -> None:
    checkpoints = Checkpoints({})
    context: Any = SimpleNamespace(checkpoints=checkpoints)

    def current() -> Round:
        return checkpoints.of("orders", Round)

    start_round(context, ORDERS, hurried=False)
    current().page = 5
    hurry(context, ORDERS)
    assert (current().page, current().hurry, current().again) == (0, True, False)
    hurry(context, ORDERS)  # nothing was read since
    assert current().again is False
    current().page = 1
    hurry(context, ORDERS)
    assert (current().page, current().again) == (1, True)
    current().page = 0
    hurry(context, ORDERS)
    assert current().again is True


@pytest.mark.parametrize(
    ("in_vain", "hours"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 24), (10, 24), (99, 24)]
)
def test_what_was_looked_for_in_vain_is_looked_for_after_twice_the_time(
    in_vain: int, hours: int
) -> None:
    assert Lacking(in_vain=in_vain).pause == timedelta(hours=hours)


def test_what_was_never_looked_for_has_waited_long_enough() -> None:
    assert Lacking().waited == timedelta.max
    an_hour_ago = Lacking(at=timezone.now() - timedelta(hours=1))
    assert timedelta(hours=1) <= an_hour_ago.waited < timedelta(hours=1, minutes=1)
