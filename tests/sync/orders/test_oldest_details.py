"""Details of settled orders come round: each poll reads the oldest again."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from pandabase_django.models import Order
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.orders.details.fetching import oldest_details
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences
from tests.sync.misbehaviour import PassTime

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 12, "orders": 60}


def asked(sandbox: Sandbox, since: int) -> list[str]:
    return [
        request["path"].rpartition("/")[2]
        for request in sandbox.requests(since=since)
        if re.search("/orders/ord_", request["path"])
    ]


def age(*, oldest: str) -> None:
    Order.objects.update(detailed_at=F("detailed_at") - timedelta(days=1))
    Order.objects.filter(pk=oldest).update(detailed_at=timezone.now() - timedelta(days=300))


def test_an_address_that_was_corrected_late_arrives(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    # The list does not show it, and no time tells of it.
    fields = {"billingAddress": {"addressLine1": "1 New Street"}}
    (pk,) = sandbox.change([{"op": "edit_order", "index": 5, "fields": fields, "touch": False}])
    age(oldest=pk)
    since = sandbox.requests_served
    run = sync("orders").run
    assert pk in asked(sandbox, since)
    assert len(asked(sandbox, since)) == 20
    assert run.requests <= 40
    assert (run.state, run.rows_updated) == ("COMPLETED", 1)
    assert order_differences(sandbox) == []


def test_all_come_round_and_one_that_fails_keeps_none_waiting(
    sandbox: Sandbox, sync: Sync, short_backoff: None
) -> None:
    sync("orders")
    bad = sorted(order["id"] for order in sandbox.dump("orders"))[:6]
    sandbox.fault(
        [
            {
                "match": {"path_regex": f"/orders/({'|'.join(bad)})$"},
                "action": "wrong_json",
                "times": 0,
            }
        ]
    )
    Order.objects.filter(pk__in=bad).update(detailed_at=timezone.now() - timedelta(days=9))
    seen: set[str] = set()
    for _ in range(5):
        since = sandbox.requests_served
        run = sync("orders").run
        seen.update(asked(sandbox, since))
        assert run.state == "COMPLETED"
        assert not Order.objects.filter(dirty=True).exists()
    assert len(seen) == 60


def test_a_small_stores_details_come_round_once_in_six_hours(
    sandbox: Sandbox, sync: Sync, pass_time: PassTime
) -> None:
    sync("orders")
    polls: list[list[str]] = []
    for minutes in (10, 10, 10, 10, 10, 325, 10, 10, 10):
        pass_time(sandbox, minutes * 60)
        since = sandbox.requests_served
        assert sync("orders").run.state == "COMPLETED"
        polls.append(asked(sandbox, since))
    assert [len(asked_then) for asked_then in polls] == [20, 20, 20, 0, 0, 20, 20, 20, 0]
    assert {pk for asked_then in polls[:3] for pk in asked_then} == {
        pk for asked_then in polls[5:] for pk in asked_then
    }


def test_between_two_rounds_what_was_just_read_is_read_once_more(
    sandbox: Sandbox, sync: Sync, pass_time: PassTime
) -> None:
    """Its details may have been those of a replica that lags."""
    sync("orders")
    for _ in range(4):
        sync("orders")
    sandbox.change([{"op": "refund_order", "index": 5}])
    (pk,) = {
        order["id"] for order in sandbox.dump("orders") if order["status"] == "REFUNDED"
    } - set(Order.objects.filter(status="REFUNDED").values_list("pk", flat=True))
    often = []
    for _ in range(4):
        pass_time(sandbox, 600)
        since = sandbox.requests_served
        sync("orders")
        often.append(asked(sandbox, since).count(pk))
    assert often == [1, 1, 0, 0]


def test_tombstones_are_not_read_again(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    pk = Order.objects.all()[0].pk
    Order.objects.filter(pk=pk).update(
        gone_at=timezone.now(), detailed_at=timezone.now() - timedelta(days=9)
    )
    wanted = oldest_details(sandbox.store_id)
    assert (len(wanted), pk in [place[0] for place in wanted]) == (20, False)
