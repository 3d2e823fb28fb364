"""Several workers read the details of one run. Real worker processes do it in tests/worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from pandabase_django.models import Order, OrderItem, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.orders.details import helpers as sharing
from pandabase_django.services.sync.orders.details.helpers import help_with_details, helpers_for
from pandabase_django.services.sync.runs import request_cancel
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences

ORDERS = 230


@pytest.fixture(autouse=True)
def few_orders_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    if not connection.features.has_select_for_update:
        pytest.skip("a database with one writer at a time has no helpers")
    monkeypatch.setattr(sharing, "ORDERS_PER_HELPER", 100)
    monkeypatch.setattr(sharing, "ORDERS_PER_HAND_OUT", 20)
    monkeypatch.setattr(sharing, "LOOK_SECONDS", 0.01)


@pytest.mark.django_db
def test_helpers_are_called_for_where_they_are_worth_it(settings: object) -> None:
    assert [helpers_for(due) for due in (0, 99, 100, 230, 100_000)] == [0, 0, 1, 2, 3]


def test_a_helper_reads_what_the_run_would_have_read(sandbox: Sandbox, sync: Sync) -> None:
    called: list[int] = []

    def help_at_once(run_id: int, helpers: int) -> None:
        called.append(helpers)
        done = help_with_details(run_id)
        assert done is not None
        assert not done.more

    result = sync("orders", call_for_help=help_at_once)
    run = SyncRun.objects.get(resource="orders")
    helper = run.helpers.get()
    assert called == [2]
    assert order_differences(sandbox) == []
    assert result.run.state == SyncRun.State.COMPLETED
    assert (helper.state, helper.progress_done, helper.requests) == ("COMPLETED", ORDERS, ORDERS)
    # Nothing was left for the run, and all of it is counted there.
    step = next(step for step in run.steps if step["strategy"] == "orders: details")
    assert (step["requests"], step["helpers"]) == (ORDERS, 1)
    assert run.requests == sandbox.requests_served - 1  # one was the token's test
    assert sandbox.requests_served == len(sandbox.requests())
    details = [r["path"] for r in sandbox.requests() if "/orders/ord_" in r["path"]]
    assert len(details) == len(set(details)) == ORDERS


def test_the_run_reads_what_a_helper_had_no_time_for(sandbox: Sandbox, sync: Sync) -> None:
    more: list[bool] = []

    def help_for_no_time(run_id: int, helpers: int) -> None:
        done = help_with_details(run_id, seconds=0)
        assert done is not None
        more.append(done.more)

    result = sync("orders", call_for_help=help_for_no_time)
    assert more == [True]
    assert SyncRun.objects.get(resource="details").requests == 0
    assert result.run.state == SyncRun.State.COMPLETED
    assert order_differences(sandbox) == []


def test_what_a_dead_helper_was_given_is_read_by_the_run(sandbox: Sandbox, sync: Sync) -> None:
    def die(run_id: int, helpers: int) -> None:
        run = SyncRun.objects.get(pk=run_id)
        assert len([next(sharing._handed_out(run)) for _ in range(3)]) == 3
        long_ago = timezone.now() - timedelta(minutes=3)
        SyncRun.objects.create(
            store=run.store,
            resource="details",
            helps=run,
            trigger=run.trigger,
            started_at=long_ago,
            heartbeat_at=long_ago,
        )

    result = sync("orders", call_for_help=die)
    assert result.run.state == SyncRun.State.COMPLETED
    assert order_differences(sandbox) == []


def test_an_order_that_a_helper_could_not_read_is_told_by_the_run(
    sandbox: Sandbox, sync: Sync
) -> None:
    match = {"path_regex": "/orders/ord_"}
    args = {"set": {"data.id": "ord_another"}}
    sandbox.fault([{"match": match, "nth": 7, "times": 1, "action": "edit_body", "args": args}])
    result = sync("orders", call_for_help=lambda run_id, helpers: help_with_details(run_id))
    helper = SyncRun.objects.get(resource="details")
    assert (helper.state, result.run.state) == ("PARTIAL", "PARTIAL")
    assert Order.objects.filter(dirty=True).count() == 1
    assert any("ord_another" in text for text in result.run.warnings)
    sync("orders")
    assert order_differences(sandbox) == []


def test_a_row_that_a_helper_could_not_keep_makes_the_run_one_in_part(
    sandbox: Sandbox, sync: Sync
) -> None:
    now, other = timezone.now(), Store.objects.create(pk="shp_other")
    item = next(order["items"][0]["id"] for order in sandbox.dump("orders") if order["items"])
    OrderItem.objects.create(pk=item, store=other, first_seen_at=now, synced_at=now)
    result = sync("orders", call_for_help=lambda run_id, helpers: help_with_details(run_id))
    helper = SyncRun.objects.get(resource="details")
    assert (helper.state, result.run.state) == ("PARTIAL", "PARTIAL")
    assert result.run.warnings == [f"{item} belongs to store shp_other already; it was left out."]
    assert not Order.objects.filter(dirty=True).exists()


def test_a_helper_that_fails_stops_nobody(sandbox: Sandbox, sync: Sync) -> None:
    def help_without_success(run_id: int, helpers: int) -> None:
        match = {"path_regex": "/orders/ord_"}
        # The right itself is refused: a 403 that names none would be each order's own.
        args = {"status": 403, "error": "This token lacks ORDERS_READ."}
        sandbox.fault([{"match": match, "times": 0, "action": "status", "args": args}])
        help_with_details(run_id)
        sandbox.clear_faults()

    result = sync("orders", call_for_help=help_without_success)
    assert SyncRun.objects.get(resource="details").state == SyncRun.State.SKIPPED
    assert result.run.state == SyncRun.State.COMPLETED
    assert order_differences(sandbox) == []


@pytest.mark.parametrize("end", ["finished", "cancelled", "silent"])
def test_nobody_helps_a_run_that_has_ended(sandbox: Sandbox, sync: Sync, end: str) -> None:
    sync("orders")
    run = SyncRun.objects.get()
    ends: dict[str, Callable[[], object]] = {
        "finished": lambda: None,
        "cancelled": lambda: request_cancel(run),
        "silent": lambda: SyncRun.objects.update(
            heartbeat_at=timezone.now() - timedelta(minutes=3)
        ),
    }
    if end != "finished":
        SyncRun.objects.update(state="RUNNING", handed_out_to="")
    ends[end]()
    Order.objects.update(dirty=True)
    before = sandbox.requests_served
    assert help_with_details(run.pk) is None
    assert sandbox.requests_served == before
    assert help_with_details(run.pk + 1000) is None
