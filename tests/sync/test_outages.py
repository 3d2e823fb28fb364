"""A host that does not answer: how long it is left alone, by whom, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from django.utils import timezone as django_timezone

from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import ServerError, TransportError
from pandabase_django.models import RemoteOutage, Store
from pandabase_django.services.sync.outages import (
    OutageUnderWay,
    note_answer,
    note_failure,
    take_turn,
)
from pandabase_django.services.tokens.connection import add_token

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
BROKEN = ServerError("It is broken.", status=503)
AWAY = TransportError("No connection could be made.", executed=False)


class Clock:
    """Seconds since the start."""

    seconds = 0.0

    def __call__(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(django_timezone, "now", clock)
    return clock


def store_at(host: str, store_id: str) -> Store:
    token = add_token(
        store_id=store_id,
        mode="BEARER",
        secret=Secret("sk_test_0123456789"),
        base_url=f"https://{host}",
        test=False,
    )
    return token.store


@pytest.fixture
def store() -> Store:
    return store_at("one.example", "shp_one")


@pytest.fixture
def elsewhere() -> Store:
    return store_at("two.example", "shp_two")


@pytest.fixture
def neighbours() -> list[Store]:
    """Others at the host of ``store``."""
    return [store_at("one.example", f"shp_{name}") for name in ("three", "four")]


def waits(store: Store, resource: str = "orders") -> float | None:
    """For how many seconds a sync holds back; None when it goes on."""
    try:
        take_turn(store, resource)
    except OutageUnderWay as error:
        return error.retry_after_seconds
    return None


def test_a_host_that_goes_on_failing_is_left_alone_for_longer_and_longer(
    store: Store, clock: Clock
) -> None:
    assert note_failure(store, "orders", BROKEN) == (False, 30.0)
    for wait in (60.0, 120.0, 240.0, 300.0, 300.0):
        clock.seconds += 21
        assert note_failure(store, "orders", AWAY) == (True, wait)
    outage = RemoteOutage.objects.get()
    assert (outage.host, outage.since, outage.error) == ("one.example", START, str(AWAY))


def test_failures_of_one_moment_count_as_one(store: Store, clock: Clock) -> None:
    note_failure(store, "orders", BROKEN)
    for seconds, wait in ((15, 15.0), (35, 1.0), (55, 1.0)):
        clock.seconds = seconds
        assert note_failure(store, "orders", BROKEN) == (True, wait)
    clock.seconds = 75.1
    assert note_failure(store, "orders", BROKEN) == (True, 60.0)


def test_one_sync_at_a_time_tries_a_host_that_is_away(
    store: Store, elsewhere: Store, clock: Clock
) -> None:
    for one in (store, elsewhere):
        note_failure(one, "orders", AWAY)
    clock.seconds = 29
    assert waits(store, "products") == 1.0
    clock.seconds = 30
    assert waits(store, "products") is None
    assert waits(store, "orders") == 60.0
    assert waits(elsewhere) is None  # its own turn


@pytest.mark.parametrize("error", [BROKEN, TransportError("No answer came in time.")], ids=repr)
def test_what_fails_alone_holds_back_no_other(
    store: Store, elsewhere: Store, error: Exception
) -> None:
    for _ in range(2):
        note_failure(store, "orders", error)
    assert waits(store, "orders") == 30.0
    assert waits(store, "products") is None
    assert waits(elsewhere, "orders") is None
    assert note_failure(store, "products", BROKEN) == (False, 30.0)
    assert waits(store, "products") == 30.0
    assert waits(store, "customers") is None
    assert waits(elsewhere, "orders") is None


@pytest.mark.parametrize("error", [BROKEN, TransportError("No answer came in time.")], ids=repr)
def test_a_host_that_answers_no_store_is_away_for_all(
    store: Store, neighbours: list[Store], error: Exception
) -> None:
    note_failure(store, "orders", error)
    note_failure(neighbours[0], "orders", error)
    assert waits(neighbours[1]) == 30.0
    assert waits(store, "products") == 30.0


def test_a_store_that_fails_is_no_sign_while_others_are_answered(
    store: Store, neighbours: list[Store], clock: Clock
) -> None:
    """Two suspended stores among many hold back no sync but their own."""
    for resource in ("customers", "coupons"):
        note_failure(store, resource, BROKEN)
        clock.seconds += 2
        note_answer(neighbours[1], "orders")
        note_failure(neighbours[0], resource, BROKEN)
        clock.seconds += 2
        note_answer(store, "orders")
    assert waits(neighbours[1]) is None
    assert waits(store) is None
    assert waits(store, "coupons") == waits(neighbours[0], "customers") == 22.0


def test_failures_with_nothing_asked_between_them_are_no_sign(
    store: Store, neighbours: list[Store], clock: Clock
) -> None:
    note_failure(store, "customers", BROKEN)
    clock.seconds = 90
    note_failure(neighbours[0], "customers", BROKEN)
    assert waits(neighbours[1]) is None
    began = clock()
    clock.seconds = 240  # five times without an answer in 30 seconds
    note_failure(store, "customers", TransportError("No answer came in time."), began=began)
    assert waits(neighbours[1]) == 120.0


def test_a_host_to_which_no_connection_is_made_is_away_for_all(store: Store) -> None:
    note_failure(store, "orders", AWAY)
    assert waits(store, "products") == 30.0


def test_the_answer_of_a_sync_that_the_outage_holds_back_ends_it(
    store: Store, elsewhere: Store
) -> None:
    note_failure(store, "orders", BROKEN)
    note_answer(store, "products")
    note_answer(elsewhere, "orders")
    assert RemoteOutage.objects.count() == 1
    note_answer(store, "orders")
    assert RemoteOutage.objects.count() == 0
    note_failure(store, "orders", AWAY)
    note_answer(elsewhere, "orders")
    assert RemoteOutage.objects.count() == 1
    note_answer(store, "products")
    assert RemoteOutage.objects.count() == 0
