"""A replica answers for an order as it was: what asked for the details is not forgotten by that."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from pandabase_django.models import Order, Store
from pandabase_django.sandbox import ALL_PERMISSIONS, Sandbox
from pandabase_django.services.sync.orders.details import fetching
from pandabase_django.services.sync.refresh import fetch_order
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences
from tests.sync.misbehaviour import PassTime

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("short_backoff"),
]

NUMBERS = count()
IDLE = 20 + 20  # and the oldest details, which are read again


@pytest.fixture(autouse=True)
def nothing_else_reads_old_details(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the orders that are not due, none but the very oldest is read again."""
    monkeypatch.setattr(fetching, "REREAD_AT_ONCE", 1)


def lag(sandbox: Sandbox, *, only: str = "") -> None:
    """From now on details are half a minute late."""
    sandbox.set(detail_lag_seconds=30.0, lag_only=only)


def catch_up(sandbox: Sandbox) -> None:
    sandbox.set(detail_lag_seconds=0.0)


def edit(sandbox: Sandbox, pk: str, *, touch: bool = True, **fields: Any) -> None:
    fields = {name.replace("__", "."): value for name, value in fields.items()}
    sandbox.change([{"op": "edit_order", "id": pk, "fields": fields, "touch": touch}])


def the_newest(**known: str) -> str:
    """An order on the page that each poll reads."""
    done = Order.objects.filter(payment_id__gt="", customer__isnull=False, **known)
    return done.order_by("-created_at", "-pk").values_list("pk", flat=True)[0]


def an_old_one() -> str:
    """An order that no list shows in the next polls."""
    done = Order.objects.filter(status="COMPLETED", payment_id__gt="")
    return done.order_by("created_at", "pk").values_list("pk", flat=True)[30]


def is_due(pk: str) -> bool:
    return Order.objects.values_list("dirty", flat=True).get(pk=pk)


def asked(sandbox: Sandbox, since: int, pk: str) -> int:
    """How often an order's own address was asked."""
    return sum(
        request["path"].endswith(f"/orders/{pk}") for request in sandbox.requests(since=since)
    )


CHANGES: dict[str, dict[str, Any]] = {
    "e-mail": {"customer": {"id": "cus_changed", "email": "new@example.com"}},
    "customer": {"customer": {"id": "cus_other", "email": "other@example.com"}},
    "no customer": {"customer": None},
    "discount code": {"discountCode": "SPRING", "discounted": True},
    "no discount code": {"discountCode": None, "discounted": False},
    "number": {"orderNumber": "cs_changed"},
    "payment": {"payment__totalAmount": 7},
}


@pytest.mark.parametrize("touch", [True, False])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.fact(21)
def test_details_that_lack_what_a_list_showed_are_asked_for_again(
    sandbox: Sandbox, sync: Sync, pass_time: PassTime, change: str, touch: bool
) -> None:
    sync("orders")
    pk = the_newest()
    owner = {"id": "cus_changed", "email": "old@example.com"}
    edit(sandbox, pk, discountCode="WINTER", discounted=True, customer=owner)
    sync("orders")
    pass_time(sandbox, 60)
    lag(sandbox)
    edit(sandbox, pk, touch=touch, **CHANGES[change])
    for _ in range(2):
        run = sync("orders").run
        assert (run.state, is_due(pk)) == ("PARTIAL", True)
        assert f"{pk}: an answer was as before, though a list" in run.warnings[0]
    catch_up(sandbox)
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def test_details_of_a_state_between_are_written_and_asked_for_again(
    sandbox: Sandbox, sync: Sync, pass_time: PassTime
) -> None:
    sync("orders")
    pk = the_newest()
    lag(sandbox)
    edit(sandbox, pk, amount=1)
    pass_time(sandbox, 20)
    edit(sandbox, pk, amount=2, customer={"id": "cus_n", "email": "n@example.com"})
    pass_time(sandbox, 20)  # the first change has arrived at the replica
    run = sync("orders").run
    assert f"{pk}: an answer was neither as before" in run.warnings[0]
    order = Order.objects.get(pk=pk)
    assert (order.amount_minor, order.dirty, run.state) == (1, True, "PARTIAL")
    pass_time(sandbox, 20)
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def test_a_mark_outlives_the_run_that_made_it(
    sandbox: Sandbox, sync: Sync, pass_time: PassTime
) -> None:
    sync("orders")
    pk = the_newest()
    pass_time(sandbox, 60)
    lag(sandbox)
    edit(sandbox, pk, customer={"id": "cus_n", "email": "n@example.com"})
    rule = {"match": {"path_regex": f"/orders/{pk}$"}, "action": "status", "args": {"status": 500}}
    sandbox.fault([{**rule, "times": 6}])
    assert sync("orders").run.state == "PARTIAL"
    # The list shows the same in the next run, and only the order itself remembers.
    sandbox.clear_faults()
    assert (sync("orders").run.state, is_due(pk)) == ("PARTIAL", True)
    catch_up(sandbox)
    sync("orders")
    assert order_differences(sandbox) == []


def test_a_new_order_does_not_go_back_to_what_it_was_before_its_list(
    sandbox: Sandbox, sync: Sync, pass_time: PassTime
) -> None:
    sync("orders")
    lag(sandbox)
    (pk,) = sandbox.change([{"op": "create_order", "status": "PROCESSING"}])
    pass_time(sandbox, 20)
    sandbox.change([{"op": "set_order_status", "id": pk, "status": "COMPLETED"}])
    pass_time(sandbox, 20)
    assert sync("orders").run.state == "PARTIAL"
    order = Order.objects.get(pk=pk)
    assert (order.status, order.dirty, order.detailed_at) == ("COMPLETED", True, None)
    catch_up(sandbox)
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def test_refreshing_an_order_at_a_late_replica_loses_nothing(
    sandbox: Sandbox, store: Store, sync: Sync, pass_time: PassTime
) -> None:
    sync("orders")
    pk = the_newest()
    pass_time(sandbox, 60)
    lag(sandbox)
    edit(sandbox, pk, touch=False, customer={"id": "cus_n", "email": "n@example.com"})
    sync("orders")
    fetch_order(store, pk)
    assert is_due(pk)
    catch_up(sandbox)
    fetch_order(store, pk)
    assert not is_due(pk)
    assert order_differences(sandbox) == []
    # Another replica is still late: the customer does not come back.
    lag(sandbox)
    fetch_order(store, pk)
    order = Order.objects.get(pk=pk)
    assert (order.customer_id, order.dirty) == ("cus_n", True)
    catch_up(sandbox)
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def booked(sandbox: Sandbox, pk: str, *operations: dict[str, Any]) -> None:
    """Money moves, and nothing but the list of it and the order's own details show it."""
    fields = {
        "status": "COMPLETED",
        "payment.status": "COMPLETED",
        "billingAddress": {"city": f"Elsewhere {next(NUMBERS)}"},
    }
    sandbox.change([*operations, {"op": "edit_order", "id": pk, "fields": fields}])


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "refund_order"},
        {"op": "refund_order", "status": "PROCESSING"},
        {"op": "dispute_order"},
    ],
)
@pytest.mark.parametrize("closed", [(), ("REFUNDS_READ", "DISPUTES_READ")])
@pytest.mark.fact(23)
def test_details_from_before_a_refund_or_dispute_are_asked_for_again(
    sandbox: Sandbox,
    sync: Sync,
    pass_time: PassTime,
    operation: dict[str, Any],
    closed: tuple[str, ...],
) -> None:
    """With the lists closed the ledger tells of it."""
    left = tuple(one for one in ALL_PERMISSIONS if one not in closed)
    sandbox.permit_token(sandbox.hmac_token.token_id, left)
    for _ in range(2):
        sync("orders")
    pk = an_old_one()
    pass_time(sandbox, 60)
    lag(sandbox, only="orders")
    booked(sandbox, pk, {**operation, "id": pk})
    run = sync("orders").run
    assert (run.state, is_due(pk)) == ("PARTIAL", True)
    assert "an answer was from before the refund, dispute or event" in run.warnings[-1]
    assert sync("orders").run.state == "PARTIAL"
    catch_up(sandbox)
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


@pytest.mark.parametrize("outcome", ["WON", "LOST"])
@pytest.mark.fact(28)
def test_details_from_before_a_dispute_was_decided_are_asked_for_again(
    sandbox: Sandbox, sync: Sync, pass_time: PassTime, outcome: str
) -> None:
    sync("orders")
    pk = an_old_one()
    sandbox.change([{"op": "dispute_order", "id": pk}])
    sync("orders")
    pass_time(sandbox, 700)
    sync("orders")
    pass_time(sandbox, 60)
    lag(sandbox, only="orders")
    sandbox.change([{"op": "resolve_dispute", "id": pk, "outcome": outcome}])
    edit(sandbox, pk, billingAddress={"city": "Elsewhere"})
    sync("orders")
    assert is_due(pk)
    catch_up(sandbox)
    sync("orders")
    assert order_differences(sandbox) == []


@pytest.mark.fact(28)
def test_a_dispute_that_changed_its_state_and_not_its_order_is_not_waited_for(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    pk = an_old_one()
    sandbox.change([{"op": "dispute_order", "id": pk}])
    sync("orders")
    dispute = sandbox.dump("disputes")[-1]["id"]
    sandbox.change([{"op": "edit_dispute", "id": dispute, "fields": {"status": "UNDER_REVIEW"}}])
    assert sync("orders").run.state == "COMPLETED"
    # And one whose end a webhook told of before.
    sandbox.change([{"op": "resolve_dispute", "id": pk, "outcome": "LOST"}])
    edit(sandbox, pk, billingAddress={"city": "Elsewhere"})
    fetch_order(Store.objects.get(), pk)
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


def test_a_refund_that_was_decided_out_of_sight_is_waited_for(
    sandbox: Sandbox, sync: Sync, pass_time: PassTime
) -> None:
    """It is no longer among the undecided ones, and stands far down in the list of all."""
    sync("orders")
    pk = an_old_one()
    booked(sandbox, pk, {"op": "refund_order", "id": pk, "status": "PROCESSING"})
    refund = sandbox.dump("refunds")[-1]["id"]
    sync("orders")
    sandbox.change([{"op": "refund_order", "index": n % 8} for n in range(210)])
    sync("orders")
    assert order_differences(sandbox) == []
    pass_time(sandbox, 700)
    lag(sandbox, only="orders")
    booked(sandbox, pk, {"op": "edit_refund", "id": refund, "fields": {"status": "COMPLETED"}})
    sync("orders")
    assert is_due(pk)
    catch_up(sandbox)
    sync("orders")
    assert order_differences(sandbox) == []


def test_an_order_that_shows_its_refund_is_believed_though_it_is_dated_before(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("orders")
    pk = an_old_one()
    sandbox.change([{"op": "refund_order", "id": pk}])
    edit(sandbox, pk, updatedAt="2024-06-01T00:00:00.000Z")
    Order.objects.filter(pk=pk).update(updated_at="2024-05-01T00:00:00Z")
    assert sync("orders").run.state == "COMPLETED"
    assert (Order.objects.get(pk=pk).status, is_due(pk)) == ("REFUNDED", False)


NEVER = {
    "a list": {"op": "edit_order", "touch": False, "list_fields": {"amount": 3}},
    "a list's status": {"op": "edit_order", "touch": False, "list_fields": {"status": "REFUNDED"}},
    "a refund": {"op": "refund_order"},
    "a dispute": {"op": "dispute_order"},
}


@pytest.mark.parametrize("cause", NEVER)
def test_what_the_details_never_show_costs_requests_for_ten_minutes(
    sandbox: Sandbox, sync: Sync, pass_time: PassTime, cause: str
) -> None:
    sync("orders")
    pk = the_newest(status="COMPLETED")
    old = {"updatedAt": "2024-06-01T00:00:00.000Z", "status": "COMPLETED"}
    sandbox.change([{**NEVER[cause], "id": pk}])
    if "list_fields" not in NEVER[cause]:
        sandbox.change([{"op": "edit_order", "id": pk, "fields": old}])
        Order.objects.filter(pk=pk).update(updated_at="2024-05-01T00:00:00Z")
    for _ in range(4):
        sync("orders")
        assert is_due(pk)
        pass_time(sandbox, 140)
    pass_time(sandbox, 60)
    sync("orders")
    assert not is_due(pk)
    for _ in range(3):
        since = sandbox.requests_served
        run = sync("orders").run
        assert (run.state, asked(sandbox, since, pk)) == ("COMPLETED", 0)
        assert run.requests <= IDLE
        pass_time(sandbox, 300)


def test_a_list_that_differs_each_time_is_believed_after_an_hour(
    sandbox: Sandbox, sync: Sync, pass_time: PassTime
) -> None:
    sync("orders")
    pk = the_newest()
    for minute in range(0, 70, 5):
        change = {"op": "edit_order", "id": pk, "touch": False, "list_fields": {"amount": minute}}
        sandbox.change([change])
        sync("orders")
        if not is_due(pk):
            break
        pass_time(sandbox, 300)
    assert minute == 60
