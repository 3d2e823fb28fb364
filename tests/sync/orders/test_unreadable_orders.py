"""Orders that can't be read keep no other waiting; a remote that is unwell ends the run."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pandabase_django.models import Order, SyncCursor
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.run import one_object
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.thorough,
    pytest.mark.usefixtures("short_backoff"),
]

ORDERS = 230
DETAILS = "/orders/ord_"


def spoil(sandbox: Sandbox, path: str, **rule: Any) -> None:
    rule = {"match": {"path_regex": path}, "times": 0, "action": "wrong_json", **rule}
    sandbox.fault([rule])


def spoil_first(sandbox: Sandbox, count: int, **rule: Any) -> list[str]:
    """Those whose ids come first, and which are read first."""
    ids = sorted(order["id"] for order in sandbox.dump("orders"))[:count]
    spoil(sandbox, f"/orders/({'|'.join(ids)})$", **rule)
    return ids


def detailed() -> int:
    return Order.objects.filter(detailed_at__isnull=False).count()


def asked_for(sandbox: Sandbox, *, since: int = 0) -> list[str]:
    paths = [request["path"] for request in sandbox.requests()[since:]]
    return [path.rpartition("/")[2] for path in paths if re.search(DETAILS, path)]


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "wrong_json"},
        {"action": "status", "args": {"status": 500}},
        {"action": "status", "args": {"status": 400}},
        {"action": "status", "args": {"status": 403}},
        {"action": "edit_body", "args": {"set": {"data.id": "ord_another"}}},
        {"action": "close"},
    ],
    ids=["another-shape", "500", "400", "403", "another-order", "no-answer"],
)
def test_orders_that_can_not_be_read_keep_no_other_waiting(
    sandbox: Sandbox, sync: Sync, rule: dict[str, Any]
) -> None:
    ids = spoil_first(sandbox, 7, **rule)
    for _ in range(2):
        run = sync("orders").run
        assert run.state == "PARTIAL", run.error
        assert detailed() == Order.objects.count() - 7
        assert all(any(pk in text for text in run.warnings) for pk in ids)
        sandbox.change([{"op": "create_order", "count": 3}])
    assert SyncCursor.objects.get().first_completed_at is not None
    sandbox.clear_faults()
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def test_details_that_fail_together_with_the_list_end_the_run_after_what_had_arrived(
    sandbox: Sandbox, sync: Sync
) -> None:
    refused = {"action": "status", "args": {"status": 503}}
    spoil(sandbox, DETAILS, nth=31, **refused)
    one_row = {"path_regex": "/orders$", "query": {"limit": 1}}
    sandbox.fault([{"match": one_row, "times": 0, **refused}])
    run = sync("orders").run
    assert (run.state, "HTTP 503" in run.error) == ("FAILED", True)
    assert detailed() >= 25
    sandbox.clear_faults()
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def test_a_shape_that_no_detail_has_any_more_does_not_cost_a_request_for_each_order(
    sandbox: Sandbox, sync: Sync
) -> None:
    spoil(sandbox, DETAILS)
    assert sync("orders").run.state == "FAILED"
    most = one_object.FAILURES_AT_MOST
    assert Order.objects.filter(unread_at__isnull=False).count() == most
    assert len(set(asked_for(sandbox))) < ORDERS
    # Each run goes on behind those: a block of unreadable ones is got over.
    assert sync("orders").run.state == "FAILED"
    assert Order.objects.filter(unread_at__isnull=False).count() == 2 * most
    sandbox.clear_faults()
    run = sync("orders").run
    assert (run.state, detailed()) == ("COMPLETED", ORDERS)
    assert order_differences(sandbox) == []


def test_more_unreadable_orders_than_a_run_tries_again_keep_no_new_one_waiting(
    sandbox: Sandbox, sync: Sync
) -> None:
    spoilt = spoil_first(sandbox, 130)
    states = [sync("orders").run.state for _ in range(2)]
    assert states == ["FAILED", "PARTIAL"]
    assert detailed() == ORDERS - 130
    (new,) = sandbox.change([{"op": "create_order"}])
    before = len(sandbox.requests())
    run = sync("orders").run
    assert (run.state, Order.objects.get(pk=new).dirty) == ("PARTIAL", False)
    tried = asked_for(sandbox, since=before)
    assert tried[0] == new
    # Every other turn's are others, until all had their turn.
    assert len(set(tried) & {new, *spoilt}) == 51
    sync("orders")
    again = set(asked_for(sandbox, since=before)) & set(spoilt)
    assert len(again) == 100


def test_orders_that_are_listed_and_never_found_are_asked_for_fifty_a_run(
    sandbox: Sandbox, sync: Sync
) -> None:
    ids = spoil_first(sandbox, 130, action="status", args={"status": 404})
    assert sync("orders").run.state == "PARTIAL"
    asked: list[str] = []
    for _ in range(3):
        before = len(sandbox.requests())
        assert sync("orders").run.state == "PARTIAL"
        tried = asked_for(sandbox, since=before)
        tried = [pk for pk in tried if pk in ids]  # the oldest details are read again too
        assert len(tried) == 50
        asked += tried
    assert set(asked) == set(ids)
    sandbox.clear_faults()
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def test_what_somebody_named_again_is_tried_as_if_nothing_had_happened(
    sandbox: Sandbox, sync: Sync
) -> None:
    (pk,) = spoil_first(sandbox, 1)
    sync("orders")
    assert Order.objects.get(pk=pk).unread_at is not None
    sandbox.clear_faults()
    sandbox.change([{"op": "edit_order", "id": pk, "fields": {"amount": 3}}])
    assert sync("orders", full=True).run.state == "COMPLETED"
    order = Order.objects.get(pk=pk)
    assert (order.dirty, order.unread_at, order.amount_minor) == (False, None, 3)
