"""A long run lets other stores have its worker, and goes on behind them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pandabase_django.models import Order, Store, SyncCursor, SyncRun, TaskTick
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.run.queued import LOOK_EVERY_SECONDS, Turn, turn_seconds
from pandabase_django.services.sync.runs import Caller, sync_resource
from tests.connecting import connect
from tests.sync.equality import order_differences

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = Caller(comes_again=True, turn_seconds=0)


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 3, "products": 5, "orders": 230}


@pytest.fixture
def store(sandbox: Sandbox) -> Store:
    return connect(sandbox).store


def wait(*, store_id: str = "shp_small", **columns: Any) -> None:
    """A message about a small store waits for a worker."""
    store, _ = Store.objects.get_or_create(pk=store_id)
    until = timezone.now() + timedelta(minutes=5)
    SyncCursor.objects.update_or_create(
        store=store, resource="orders", defaults=columns or {"scheduled_waits_until": until}
    )


def sync(store: Store, *, resource: str = "orders", caller: Caller = AT_ONCE) -> SyncRun:
    scheduled = SyncRun.Trigger.SCHEDULE
    return sync_resource(store, resource=resource, trigger=scheduled, caller=caller).run


def test_a_first_sync_in_turns_comes_to_its_end(sandbox: Sandbox, store: Store) -> None:
    wait()
    runs = [sync(store)]
    while runs[-1].state != "COMPLETED":
        run = runs[-1]
        assert (run.state, run.attention) == ("POSTPONED", "")
        assert run.error == "Other syncs waited for the worker. The next run goes on from here."
        assert run.rows_created + run.rows_updated > 0
        assert len(runs) < 50
        runs.append(sync(store))
    assert len(runs) > 3
    assert order_differences(sandbox) == []
    assert not Order.objects.filter(dirty=True).exists()


@pytest.mark.parametrize(
    "column", ["scheduled_waits_until", "asked_waits_until", "full_waits_until"]
)
def test_a_message_that_has_expired_ends_no_turn(store: Store, column: str) -> None:
    wait(**{column: timezone.now() - timedelta(seconds=1)})
    assert sync(store).state == "COMPLETED"


def test_a_run_that_has_the_workers_for_itself_goes_on(store: Store) -> None:
    wait(store_id=store.pk)
    assert sync(store).state == "COMPLETED"


def test_what_would_begin_again_gives_no_way(store: Store) -> None:
    wait()
    assert sync(store, resource="products").state == "COMPLETED"


def test_a_run_that_nobody_starts_again_gives_no_way(store: Store) -> None:
    wait()
    assert sync(store, caller=Caller(turn_seconds=0)).state == "COMPLETED"


def test_a_turn_lasts_and_then_asks_now_and_then(django_assert_num_queries: Any) -> None:
    now = 100.0
    turn = Turn("shp_large", seconds=60, clock=lambda: now)
    wait()
    now = 159.0
    with django_assert_num_queries(0):
        assert not turn.is_over()
    now = 160.0
    assert turn.is_over()
    SyncCursor.objects.all().delete()
    now += LOOK_EVERY_SECONDS
    assert not turn.is_over()
    wait()
    with django_assert_num_queries(0):
        assert not turn.is_over()
    now += LOOK_EVERY_SECONDS
    assert turn.is_over()


@pytest.mark.parametrize(
    ("task", "seconds", "over"),
    [
        ("pandabase.sweep_webhooks", 55, False),
        ("pandabase.sweep_webhooks", 70, True),
        ("pandabase.sweep_webhooks", 301, False),  # beat is down
        ("pandabase.sync_all", 590, False),
        ("pandabase.sync_all", 610, True),
        ("pandabase.sync_all", 3001, False),
    ],
)
def test_a_scheduled_task_that_no_worker_comes_to_ends_a_turn(
    task: str, seconds: int, over: bool
) -> None:
    now = timezone.now()
    TaskTick.objects.create(task=task, at=now - timedelta(seconds=seconds))
    if task == "pandabase.sync_all":  # a worker comes to others
        TaskTick.objects.create(task="pandabase.sweep_webhooks", at=now)
    assert Turn("shp_large", seconds=0).is_over() == over


@pytest.mark.parametrize(("interval", "turn"), [(10, 10), (60, 12), (300, 60), (600, 60)])
def test_a_turn_is_a_short_part_of_the_interval(settings: Any, interval: int, turn: float) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "SYNC_INTERVAL_SECONDS": interval}
    assert turn_seconds() == turn
