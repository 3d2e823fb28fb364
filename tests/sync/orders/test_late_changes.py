"""Old orders that change are found without reading the whole list, and at a bounded cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pandabase_django.models import Order, Store, SyncCursor, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.readings import counts
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.tokens.connection import activate_token
from tests.connecting import connect
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences
from tests.sync.orders.conftest import steps

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]

IDLE = 20 + 20  # and the oldest details, which are read again


def lists_read(sandbox: Sandbox, since: int, status: str) -> int:
    """Whole pages of a status that were asked for."""
    wanted = ("limit=100", f"status={status}")
    return sum(
        all(part in entry["query"] for part in wanted)
        for entry in sandbox.requests(since=since)
        if entry["path"].endswith("/orders")
    )


def test_every_strategy_is_named_with_its_requests(sandbox: Sandbox, sync: Sync) -> None:
    first, second = sync("orders").run, sync("orders").run
    assert list(steps(first)) == [
        "orders: begin to watch",
        "orders: full pass",
        "orders: new refunds",
        "orders: new disputes",
        "orders: unsettled ones",
        "orders: details",
        "orders: counts per status",
    ]
    assert list(steps(second)) == [
        "orders: new ones",
        "orders: new refunds",
        "orders: new disputes",
        "orders: unsettled ones",
        "orders: rolling pass",
        "orders: counts per status",
        "orders: oldest details",
    ]
    assert sum(step["requests"] for step in first.steps) == first.requests
    assert sum(step["requests"] for step in second.steps) == second.requests <= IDLE
    assert steps(second)["orders: rolling pass"]["of_pages"] == 3


def test_a_status_that_differs_is_read_and_the_larger_one_is_settled_unread(
    sandbox: Sandbox, sync_without: Callable[..., Callable[..., SyncRun]]
) -> None:
    sandbox.change([{"op": "create_order", "count": 700, "status": "COMPLETED"}])
    made = sandbox.dump("orders")
    run = sync_without("REFUNDS_READ", "PAYOUTS_READ")
    run()
    sandbox.change([{"op": "refund_order", "id": made[500]["id"]}])
    since = sandbox.requests_served
    found = run()
    assert steps(found)["orders: counts per status"]["differing"] == {
        "COMPLETED": -1,
        "REFUNDED": 1,
    }
    assert "orders: status COMPLETED" not in steps(found)
    assert lists_read(sandbox, since, "COMPLETED") == 0
    assert order_differences(sandbox) == []


@pytest.mark.fact(13)
def test_without_permission_to_watch_every_row_is_read_again_within_the_interval(
    sandbox: Sandbox, sync_without: Callable[..., Callable[..., SyncRun]], settings: Any
) -> None:
    settings.PANDABASE = {
        **settings.PANDABASE,
        "FULL_SWEEP_INTERVAL_SECONDS": 6000,
        "SYNC_INTERVAL_SECONDS": 600,
    }
    sandbox.change([{"op": "create_order", "count": 1000}])
    run = sync_without("REFUNDS_READ", "DISPUTES_READ", "PAYOUTS_READ")
    run()
    # No status, refund or count tells of this.
    (order,) = sandbox.change([{"op": "edit_order", "index": 900, "fields": {"amount": 4}}])
    pages = 0
    for poll in range(1, 11):
        found = run()
        step = steps(found)["orders: rolling pass"]
        assert step["hurry"] is True
        assert step["requests"] <= 3
        pages += step["pages"]
        if Order.objects.get(pk=order).amount_minor == 4:
            break
        _let_time_pass(timedelta(seconds=600 * poll))
    assert order_differences(sandbox) == []
    assert pages <= 13


def _let_time_pass(since_start: timedelta) -> None:
    cursor = SyncCursor.objects.get(resource="orders")
    cursor.checkpoint["orders"]["rolling"]["started"] = (timezone.now() - since_start).isoformat()
    cursor.save()


def test_a_change_that_leaves_no_trace_is_seen_when_the_round_comes_by(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    (order,) = sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": 4}}])
    sync("orders")
    sync("orders")
    assert Order.objects.get(pk=order).amount_minor == 4
    assert order_differences(sandbox) == []


def test_a_full_pass_reads_every_page_each_time(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    for amount in (4, 5):
        fields = {"amount": amount}
        (order,) = sandbox.change([{"op": "edit_order", "index": 3, "fields": fields}])
        assert steps(sync("orders", full=True).run)["orders: full pass"]["requests"] == 3
        assert Order.objects.get(pk=order).amount_minor == amount


def test_a_permission_that_is_given_later_has_everything_read_again(
    sandbox: Sandbox, sync_without: Callable[..., Callable[..., SyncRun]]
) -> None:
    run = sync_without("REFUNDS_READ")
    run()
    sync_all = sync_resource(Store.objects.get(), resource="orders", trigger="COMMAND").run
    assert "orders: new refunds" not in steps(sync_all)
    added = connect(sandbox)
    activate_token(added)
    found = steps(run())
    assert found["orders: new refunds"]["requests"] == 1
    assert found["orders: rolling pass"]["hurry"] is True


def test_an_order_that_becomes_visible_late_at_an_early_place_is_found(
    sandbox: Sandbox, sync: Sync
) -> None:
    (hidden,) = sandbox.change([{"op": "hide_order", "index": 4}])
    sync("orders")
    assert not Order.objects.filter(pk=hidden).exists()
    sandbox.change([{"op": "show_order", "index": 4}])
    sync("orders")
    assert order_differences(sandbox) == []


@pytest.mark.fact(26)
def test_orders_in_a_status_nobody_knows_are_followed(sandbox: Sandbox, sync: Sync) -> None:
    fields = {"status": "ON_HOLD"}
    (order,) = sandbox.change([{"op": "edit_order", "index": 3, "fields": fields}])
    sync("orders")
    assert Order.objects.get(pk=order).status == "ON_HOLD"
    assert sync("orders").run.requests <= IDLE
    sandbox.change([{"op": "edit_order", "id": order, "fields": {"status": "COMPLETED"}}])
    sync("orders")
    assert order_differences(sandbox) == []
    sandbox.change([{"op": "edit_order", "id": order, "fields": {"status": "MISLAID"}}])
    sync("orders")
    assert order_differences(sandbox) == []


def test_details_that_were_older_than_the_list_are_read_again(sandbox: Sandbox, sync: Sync) -> None:
    (order,) = sandbox.change([{"op": "edit_order", "index": 3}])
    sync("orders")
    before = Order.objects.get(pk=order)
    sandbox.change([{"op": "refund_order", "id": order}])
    stale = {"set": {"data.status": before.status, "data.amount": before.amount_minor}}
    match = {"method": "GET", "path_regex": f"/orders/{order}$"}
    # The replica that answers knows nothing of the refund yet.
    sandbox.fault([{"match": match, "times": 1, "action": "edit_body", "args": stale}])
    sync("orders")
    assert order_differences(sandbox) == []


def test_a_shop_that_sells_while_it_is_counted_alarms_nobody(sandbox: Sandbox, sync: Sync) -> None:
    sandbox.change([{"op": "create_order", "count": 400, "status": "COMPLETED"}])
    sync("orders")
    match = {"method": "GET", "path_regex": "/orders$", "query": {"limit": "1"}}
    for _ in range(4):
        sell = [{"op": "create_order", "status": "COMPLETED"}]
        sandbox.fault([{"match": match, "times": 8, "action": "none", "changes": sell}])
        run = sync("orders").run
        assert run.attention == ""
        assert run.requests <= IDLE + 30  # and the details of what was sold
        sandbox.clear_faults()
    sync("orders")
    assert order_differences(sandbox) == []


def test_orders_of_one_moment_at_the_edge_of_a_page_are_all_there(
    sandbox: Sandbox, sync: Sync
) -> None:
    at = "2026-10-01T10:00:00.000Z"
    sync("orders")
    for _ in range(4):
        fields = {"createdAt": at}
        sandbox.change([{"op": "create_order", "count": 47, "fields": fields}])
        sync("orders")
        assert order_differences(sandbox) == []


@pytest.mark.fact(19)
def test_a_store_without_a_row_is_synced_and_grows(store: Store, sync: Sync) -> None:
    with Sandbox(seed=9, products=0, orders=0, categories=0) as empty:
        other = connect(empty).store
        for resource in ("products", "orders", "orders"):
            run = sync_resource(other, resource=resource, trigger=SyncRun.Trigger.COMMAND).run
            assert (run.state, run.warnings) == ("COMPLETED", [])
        empty.change([{"op": "create_order", "count": 3}])
        sync_resource(other, resource="orders", trigger=SyncRun.Trigger.COMMAND)
        assert Order.objects.filter(store=other, dirty=False).count() == 3


@pytest.mark.fact(19)
def test_a_remote_that_always_answers_with_page_one_stops_the_run(
    sandbox: Sandbox, sync: Sync
) -> None:
    match = {"method": "GET", "path_regex": "/orders$", "query": {"page": "2", "limit": "100"}}
    edit = {"set": {"data.pagination.page": 1}}
    sandbox.fault([{"match": match, "times": 0, "action": "edit_body", "args": edit}])
    run = sync("orders").run
    assert run.state == "FAILED"
    assert "came back as page 1" in run.error


@pytest.mark.fact(27)
def test_a_status_the_remote_does_not_know_stops_nothing(sandbox: Sandbox, sync: Sync) -> None:
    match = {"method": "GET", "path_regex": "/orders$", "query": {"status": "CHARGEBACK"}}
    sandbox.fault([{"match": match, "times": 0, "action": "status", "args": {"status": 400}}])
    sync("orders")
    sandbox.change([{"op": "refund_order", "index": 3}])
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def test_thousands_of_abandoned_orders_are_not_read_in_every_run(
    sandbox: Sandbox, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "OPEN_PAGES", 2)
    made = sandbox.change([{"op": "create_order", "count": 450, "status": "PENDING"}])
    sync("orders")
    run = sync("orders").run
    assert steps(run)["orders: unsettled ones"]["requests"] == 3
    assert run.rows_updated == 0
    # One beyond the pages that are read: its count tells.
    sandbox.change([{"op": "set_order_status", "id": made[3], "status": "CANCELLED"}])
    sync("orders")
    assert order_differences(sandbox) == []
