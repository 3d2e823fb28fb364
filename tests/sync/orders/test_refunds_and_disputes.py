"""Refunds and disputes make their orders due, whenever and however they are seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pandabase_django.api.listing import Listing
from pandabase_django.models import Order, Refund, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.money.lists import DISPUTES
from pandabase_django.services.sync.readings.newest import Newest
from tests.sync.conftest import Sync
from tests.sync.equality import money_differences, order_differences
from tests.sync.orders.conftest import steps

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]


@pytest.mark.fact(23)
def test_a_refund_decided_after_newer_ones_came_is_seen(sandbox: Sandbox, sync: Sync) -> None:
    (order,) = sandbox.change([{"op": "edit_order", "index": 0}])
    sync("orders")
    sandbox.change([{"op": "refund_order", "id": order, "status": "PROCESSING"}])
    (newest,) = sandbox.dump("refunds")[-1:]
    sandbox.change([{"op": "edit_order", "id": order, "fields": {"status": "COMPLETED"}}])
    sync("orders")
    sandbox.change([{"op": "refund_order", "index": index} for index in range(20, 25)])
    sync("orders")
    assert order_differences(sandbox) == []
    # Neither its place in the list nor a status tells of this one: amounts are not counted.
    sandbox.change(
        [
            {"op": "edit_refund", "id": newest["id"], "fields": {"status": "COMPLETED"}},
            {"op": "edit_order", "id": order, "fields": {"amount": 4}},
        ]
    )
    sync("orders")
    assert Order.objects.get(pk=order).amount_minor == 4


@pytest.mark.fact(23)
@pytest.mark.parametrize("watched", ["the lists", "the ledger"])
@pytest.mark.parametrize("seen", ["in one look", "one by one", "by a late replica"])
def test_two_refunds_of_an_order_that_moves_between_them_are_both_seen(
    sandbox: Sandbox, sync_without: Callable[..., Callable[..., SyncRun]], watched: str, seen: str
) -> None:
    run = sync_without(*(["REFUNDS_READ"] if watched == "the ledger" else []))
    sandbox.set_clock(1_800_000_000_000)
    (order,) = sandbox.change([{"op": "edit_order", "index": 0, "fields": {"status": "COMPLETED"}}])
    run()
    if seen == "by a late replica":
        sandbox.set(detail_lag_seconds=30.0)
    again = {"op": "edit_order", "id": order, "fields": {"status": "COMPLETED"}}
    sandbox.change([{"op": "refund_order", "id": order, "status": "FAILED"}, again])
    if seen == "one by one":
        run()
    sandbox.set_clock(1_800_000_020_000)
    sandbox.change([{"op": "refund_order", "id": order}])
    run()
    if seen == "by a late replica":
        assert Order.objects.get(pk=order).dirty  # the first refund's time does not settle it
        sandbox.set(detail_lag_seconds=0.0)
        run()
    assert Order.objects.get(pk=order).status == "REFUNDED"
    assert not Order.objects.filter(dirty=True).exists()
    assert order_differences(sandbox) == []


@pytest.mark.parametrize("wrong", ["an older answer", "another refund"])
def test_a_refund_whose_own_answer_is_not_its_end_is_asked_for_again(
    sandbox: Sandbox, sync: Sync, wrong: str
) -> None:
    sandbox.change([{"op": "refund_order", "index": 3, "status": "PROCESSING"}])
    (pk,) = [refund["id"] for refund in sandbox.dump("refunds")[-1:]]
    sandbox.change([{"op": "refund_order", "index": index} for index in range(20, 130)])
    sync("refunds")
    assert Refund.objects.get(pk=pk).status == "PROCESSING"
    if wrong == "an older answer":
        sandbox.set(detail_lag_seconds=30.0, lag_share=1.0)
    else:
        match, edits = {"path_regex": f"/{pk}$"}, {"set": {"data.id": "rfd_another"}}
        sandbox.fault([{"match": match, "times": 1, "action": "edit_body", "args": edits}])
    sandbox.change([{"op": "edit_refund", "id": pk, "fields": {"status": "COMPLETED"}}])
    sync("refunds")
    assert Refund.objects.get(pk=pk).status == "PROCESSING"
    assert not Refund.objects.filter(pk="rfd_another").exists()
    sandbox.set(detail_lag_seconds=0.0)
    sync("refunds")
    assert Refund.objects.get(pk=pk).status == "COMPLETED"


@pytest.mark.fact(23)
def test_undecided_disputes_are_asked_for_in_the_order_in_which_they_are_decided(
    sandbox: Sandbox, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for at once, one that moves from the first status to the second may be in neither."""
    sync("orders")
    sandbox.change([{"op": "dispute_order", "index": 9}])
    sync("orders")
    sandbox.set(latency_ms=30)
    ask = Listing.list
    (newest,) = (one for one in DISPUTES.readings if isinstance(one, Newest))
    seen: list[str] = []

    def noted(listing: Any, **query: Any) -> Any:
        status = query.get("status")
        if status in newest.open_statuses:
            seen.append(f"{status} asked")
        answer = ask(listing, **query)
        if status in newest.open_statuses:
            seen.append(f"{status} answered")
        return answer

    monkeypatch.setattr(Listing, "list", noted)
    sync("orders")
    assert seen == [
        "AWAITING_REVIEW asked",
        "AWAITING_REVIEW answered",
        "UNDER_REVIEW asked",
        "UNDER_REVIEW answered",
    ]


def test_a_refund_of_the_far_future_does_not_end_the_watching(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    sandbox.change([{"op": "refund_order", "index": 3}])
    refund = sandbox.dump("refunds")[-1]["id"]
    fields = {"createdAt": "2199-01-01T00:00:00.000Z"}
    sandbox.change([{"op": "edit_refund", "id": refund, "fields": fields}])
    sync("orders")
    sandbox.change([{"op": "refund_order", "index": 5}])
    run = sync("orders").run
    assert steps(run)["orders: counts per status"]["differing"] == {}
    assert order_differences(sandbox) == []


@pytest.mark.fact(23)
def test_hundreds_of_refunds_between_two_polls_are_all_seen(sync: Sync, sandbox: Sandbox) -> None:
    sync("orders")
    sandbox.change([{"op": "refund_order", "index": index} for index in range(220)])
    run = sync("orders").run
    assert steps(run)["orders: new refunds"]["requests"] == 3
    assert steps(run)["orders: counts per status"]["differing"] == {}
    assert order_differences(sandbox) == []


def refund_many(sandbox: Sandbox) -> None:
    """Of three pages."""
    sandbox.change([{"op": "refund_order", "index": index} for index in range(220)])


def made_due_again() -> list[str]:
    """Orders that became due by more than being new."""
    marks = dict(Order.objects.values_list("pk", "dirty_mark"))
    return [pk for pk, mark in marks.items() if mark > min(marks.values())]


def test_a_first_sync_reads_the_list_before_more_than_a_page_of_refunds(
    sandbox: Sandbox, sync: Sync
) -> None:
    refund_many(sandbox)
    sync("orders")
    asked = [entry["path"].rpartition("/")[2] for entry in sandbox.requests()]
    # A page, and those that are open.
    assert asked[: asked.index("orders")].count("refunds") == 2
    assert made_due_again() == []
    assert order_differences(sandbox) == money_differences(sandbox) == []


def test_a_refund_that_comes_while_a_first_sync_reads_the_list_makes_its_order_due(
    sandbox: Sandbox, sync: Sync
) -> None:
    refund_many(sandbox)
    (order,) = sandbox.change([{"op": "edit_order", "index": 3, "fields": {"amount": 7}}])
    change = [{"op": "refund_order", "id": order, "amount": 1}]
    # Behind the place of this order in the list.
    match = {"path_regex": "/orders$", "query": {"page": 3, "sort": "asc"}}
    sandbox.fault([{"match": match, "action": "none", "changes": change}])
    sync("orders")
    assert made_due_again() == [order]
    assert order_differences(sandbox) == money_differences(sandbox) == []


def test_refunds_below_the_first_page_are_read_by_the_run_that_comes_that_far(
    sandbox: Sandbox, sync: Sync
) -> None:
    refund_many(sandbox)
    match = {"path_regex": "/refunds$", "query": {"page": 3}}
    sandbox.fault([{"match": match, "times": 0, "action": "status", "args": {"status": 500}}])
    assert sync("orders").run.state == "PARTIAL"
    assert 0 < Refund.objects.count() < len(sandbox.dump("refunds"))
    sandbox.clear_faults()
    sync("orders")
    assert made_due_again() == []
    assert order_differences(sandbox) == money_differences(sandbox) == []


@pytest.mark.fact(23)
def test_the_ledger_shows_a_refund_to_a_token_that_may_not_list_refunds(
    sandbox: Sandbox, sync_without: Callable[..., Callable[..., SyncRun]]
) -> None:
    run = sync_without("REFUNDS_READ", "DISPUTES_READ")
    run()
    sandbox.change([{"op": "refund_order", "index": 5}, {"op": "dispute_order", "index": 9}])
    found = steps(run())
    assert found["orders: details"]["updated"] == 2
    assert found["orders: ledger"]["requests"] == 1
    assert found["orders: counts per status"]["differing"] == {}
    assert order_differences(sandbox) == []
