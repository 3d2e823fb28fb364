"""A list that refuses for a while hides nothing: it is read down to what was known before."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from pandabase_django.models import ApiToken, Order, SyncCursor
from pandabase_django.sandbox import ALL_PERMISSIONS, Sandbox
from pandabase_django.services.sync.orders import orders
from pandabase_django.services.sync.readings import newest
from pandabase_django.services.tokens.connection import activate_token
from tests.connecting import connect
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("short_backoff"),
]

REFUSALS = {
    "the API": {"action": "status", "args": {"status": 403}},
    "a firewall": {"action": "html", "args": {"status": 403}},
}
ANSWERS = {
    "not found": {"action": "status", "args": {"status": 404}},
    "not implemented": {"action": "status", "args": {"status": 501}},
    "a web page": {"action": "html"},
    "a redirect": {"action": "redirect", "args": {"location": "/login"}},
    "no list": {"action": "null_data"},
}
OPERATIONS = {"refunds": "refund_order", "disputes": "dispute_order"}
NUMBERS = count()
CLOSED = {"REFUNDS_READ", "DISPUTES_READ", "PAYOUTS_READ"}


def refuse(sandbox: Sandbox, kind: str, by: str, times: int = 0) -> None:
    match = {"method": "GET", "path_regex": f"/{kind}$"}
    sandbox.fault([{"match": match, "times": times, **REFUSALS[by]}])


def permit(sandbox: Sandbox, *denied: str) -> None:
    left = tuple(p for p in ALL_PERMISSIONS if p not in denied)
    sandbox.permit_token(sandbox.hmac_token.token_id, left)


def book(sandbox: Sandbox, kind: str = "refunds", back: int = 1, **how: str) -> str:
    """Money moves, and nothing but the list of it and the order's own details show it.

    The order is one whose turn among the oldest details comes late.
    """
    done = Order.objects.filter(status="COMPLETED", payment_id__gt="")
    pk = done.order_by("-detailed_at", "-pk").values_list("pk", flat=True)[back]
    sandbox.change([{"op": OPERATIONS[kind], "id": pk, **how}, edit_of_details(pk)])
    return pk


def edit_of_details(pk: str) -> dict[str, Any]:
    fields = {
        "status": "COMPLETED",
        "payment.status": "COMPLETED",
        "billingAddress": {"city": f"Elsewhere {next(NUMBERS)}"},
    }
    return {"op": "edit_order", "id": pk, "fields": fields}


@pytest.fixture(autouse=True)
def nothing_else_reads_old_details(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the orders that are not due, none but the very oldest is read again."""
    monkeypatch.setattr(orders, "REREAD_AT_ONCE", 1)


@pytest.mark.parametrize("by", REFUSALS)
@pytest.mark.parametrize("kind", OPERATIONS)
def test_one_refusal_hides_nothing(sandbox: Sandbox, sync: Sync, kind: str, by: str) -> None:
    sync("orders")
    book(sandbox, kind)
    refuse(sandbox, kind, by, times=1)
    run = sync("orders").run
    assert run.state == "COMPLETED"
    assert any("can't be watched" in text for text in run.warnings)
    assert sync("orders").run.warnings == []
    assert order_differences(sandbox) == []


@pytest.mark.parametrize("answer", ANSWERS)
def test_lists_that_are_not_there_keep_no_order_waiting(
    sandbox: Sandbox, sync: Sync, answer: str
) -> None:
    match = {"method": "GET", "path_regex": "/(refunds|disputes|payouts/ledger)$"}
    sandbox.fault([{"match": match, "times": 0, **ANSWERS[answer]}])
    for _ in range(2):
        run = sync("orders").run
        assert run.state == "COMPLETED"
        for name in ("Refunds", "Disputes", "Ledger"):
            assert any(text.startswith(f"{name} can't be watched") for text in run.warnings)
        assert order_differences(sandbox) == []
        sandbox.change([{"op": "create_order", "count": 3}])


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("kind", OPERATIONS)
def test_a_list_that_is_broken_keeps_no_order_waiting(
    sandbox: Sandbox, sync: Sync, kind: str, status: int
) -> None:
    match = {"method": "GET", "path_regex": f"/{kind}$"}
    broken = [{"match": match, "times": 0, "action": "status", "args": {"status": status}}]
    sandbox.fault(broken)
    for _ in range(2):
        run = sync("orders").run
        assert run.state == "PARTIAL"
        assert any("can't be watched" in text for text in run.warnings)
        assert order_differences(sandbox) == []
        sandbox.change([{"op": "create_order", "count": 3}])
    sandbox.clear_faults()
    assert sync("orders").run.state == "COMPLETED"
    # It was read, and breaks again: what is known of it stays.
    sandbox.fault(broken)
    book(sandbox, kind)
    assert sync("orders").run.state == "PARTIAL"
    sandbox.clear_faults()
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


@pytest.mark.parametrize("status", [401, 429])
def test_a_limit_or_a_refused_credential_is_of_all_lists(
    sandbox: Sandbox, sync: Sync, status: int
) -> None:
    match = {"method": "GET", "path_regex": "/disputes$"}
    sandbox.fault([{"match": match, "times": 0, "action": "status", "args": {"status": status}}])
    assert sync("orders").run.state == "FAILED"


def test_what_was_booked_while_a_list_was_closed_is_found_by_a_full_sync(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    permit(sandbox, *CLOSED)
    for back in (1, 2, 3):
        book(sandbox, "refunds", back)
        assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox)
    permit(sandbox)
    sync("orders", full=True)
    assert order_differences(sandbox) == []


def test_a_list_that_opens_is_read_down_to_what_is_known_in_several_runs(
    sandbox: Sandbox, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync("orders")
    permit(sandbox, *CLOSED)
    book(sandbox)
    # Hundreds of another order's stand above it.
    sandbox.change([{"op": "refund_order", "index": 0, "amount": 1}] * 450)
    sync("orders")
    permit(sandbox)
    monkeypatch.setattr(newest, "PAGES_PER_RUN", 3)
    requests = []
    for _ in range(6):
        sandbox.change([{"op": "refund_order", "index": 0, "amount": 1}])
        run = sync("orders").run
        requests += [s["requests"] for s in run.steps if s["strategy"] == "orders: new refunds"]
    assert order_differences(sandbox) == []
    assert max(requests) == 3
    assert requests[-1] == 2  # the newest page, and an older one in turn


def test_a_run_that_is_refused_half_way_down_is_continued(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    book(sandbox)
    sandbox.change([{"op": "refund_order", "index": 0, "amount": 1}] * 250)
    match = {"method": "GET", "path_regex": "/refunds$", "query": {"page": "2"}}
    sandbox.fault([{"match": match, "times": 1, **REFUSALS["the API"]}])
    assert any("can't be watched" in text for text in sync("orders").run.warnings)
    sync("orders")
    assert order_differences(sandbox) == []


@pytest.mark.parametrize("opened", [("REFUNDS_READ",), ("PAYOUTS_READ",)])
def test_what_was_booked_since_a_first_sync_without_the_list_is_found(
    sandbox: Sandbox, sync: Sync, opened: tuple[str, ...]
) -> None:
    permit(sandbox, *CLOSED)
    sync("orders")
    book(sandbox)
    sync("orders")
    assert order_differences(sandbox)
    permit(sandbox, *CLOSED.difference(opened))
    sync("orders")
    assert order_differences(sandbox) == []


def test_the_ledger_that_stands_in_shows_what_was_booked_before_it_was_asked(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    book(sandbox)
    permit(sandbox, "REFUNDS_READ", "DISPUTES_READ")
    for _ in range(2):
        sync("orders")
    assert order_differences(sandbox) == []


def test_a_token_with_fewer_rights_loses_nothing_for_the_one_after_it(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    first = ApiToken.objects.get()
    fewer = [p for p in ALL_PERMISSIONS if p not in CLOSED]
    activate_token(connect(sandbox, sandbox.add_token(permissions=fewer)))
    book(sandbox, "disputes")
    sync("orders")
    activate_token(first)
    sync("orders")
    assert order_differences(sandbox) == []


def test_a_refund_that_is_decided_while_the_list_is_closed_is_found(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    pk = book(sandbox, status="PROCESSING")
    sync("orders")
    permit(sandbox, *CLOSED)
    sync("orders")
    refund = sandbox.dump("refunds")[-1]["id"]
    sandbox.change([{"op": "edit_refund", "id": refund, "fields": {"status": "COMPLETED"}}])
    sandbox.change([edit_of_details(pk)])
    sync("orders")
    permit(sandbox)
    sync("orders")
    assert order_differences(sandbox) == []


def test_a_difference_that_is_known_stays_so_when_a_status_is_not_counted(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    match = {"method": "GET", "path_regex": "/orders$", "query": {"status": "FAILED", "limit": "1"}}
    edit = {"action": "edit_total", "args": {"by": 1}}
    sandbox.fault([{"match": match, "times": 0, **edit}])
    sync("orders")
    known = SyncCursor.objects.get(resource="orders").checkpoint["orders"]["counts"]["unexplained"]
    assert known["FAILED"] == 1
    for refusal in (REFUSALS["a firewall"], {"action": "status", "args": {"status": 400}}):
        sandbox.clear_faults()
        sandbox.fault([{"match": match, "times": 0, **refusal}])
        assert sync("orders").run.state == "COMPLETED"
    sandbox.clear_faults()
    sandbox.fault([{"match": match, "times": 0, **edit}])
    assert "orders: status FAILED" not in [s["strategy"] for s in sync("orders").run.steps]
