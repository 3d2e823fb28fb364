"""What can be done to a subscription, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pandabase_django import actions
from pandabase_django.exceptions import ActionRefused
from pandabase_django.models import Product, Subscription
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.tokens.clients import client_for
from tests.actions.conftest import REASON, Shop, pass_time, settled

pytestmark = pytest.mark.django_db

ASKS = {
    "cancel": actions.cancel_subscription,
    "pause": actions.pause_subscription,
    "resume": actions.resume_subscription,
    "reactivate": actions.reactivate_subscription,
    "change": lambda row, reason: actions.change_plan(row, reason=reason, quantity=7),
}
POSSIBLE = {
    "TRIALING": {"cancel", "change"},
    "ACTIVE": {"cancel", "pause", "change"},
    "PAST_DUE": {"cancel"},
    "PAUSED": {"cancel", "resume"},
    "CANCELLED": {"reactivate"},
    "SOMETHING_NEW": {"cancel"},
}


@pytest.mark.fact(50)
@pytest.mark.parametrize("status", POSSIBLE)
def test_each_status_allows_what_it_allows(status: str, shop: Shop) -> None:
    row = shop.subscription()
    soon = timezone.now() + timedelta(days=3)
    Subscription.objects.filter(pk=row.pk).update(status=status, ends_at=soon)
    possible = set()
    for name, ask in ASKS.items():
        try:
            ask(row, reason=REASON).delete()
        except ActionRefused:
            continue
        possible.add(name)
    assert possible == POSSIBLE[status]


def test_a_cancellation_that_waits_can_be_made_immediate_and_an_ended_one_not(shop: Shop) -> None:
    row = shop.subscription()
    settled(actions.cancel_subscription(row, reason=REASON))
    row.refresh_from_db()
    assert row.status == "CANCELLED"
    assert row.is_active()
    settled(actions.cancel_subscription(row, reason=REASON, immediate=True))
    row.refresh_from_db()
    assert not row.is_active()
    for ask in (
        lambda: actions.cancel_subscription(row, reason=REASON, immediate=True),
        lambda: actions.reactivate_subscription(row, reason=REASON),
    ):
        with pytest.raises(ActionRefused):
            ask()


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({}, "nothing"),
        ({"quantity": 1}, "nothing"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": 100_001}, "quantity"),
        ({"quantity": True}, "quantity"),
        ({"billing_interval": "DAILY"}, "interval"),
        ({"product": "prd_of_nobody"}, "product"),
    ],
)
def test_a_plan_that_is_none_is_refused(wanted: dict[str, Any], code: str, shop: Shop) -> None:
    row = shop.subscription()
    with pytest.raises(ActionRefused) as caught:
        actions.change_plan(row, reason=REASON, **wanted)
    assert caught.value.code == code


def test_another_product_interval_and_quantity_are_here_afterwards(shop: Shop) -> None:
    sync_resource(shop.store, resource="products", trigger="COMMAND")
    row = shop.subscription()
    product = Product.objects.exclude(pk=row.product_id).order_by("-price_minor")[0]
    action = actions.change_plan(
        row, reason=REASON, product=product, billing_interval="YEARLY", quantity=4
    )
    assert settled(action).state == "DONE"
    row.refresh_from_db()
    assert (row.product, row.billing_interval, row.quantity) == (product, "YEARLY", 4)
    assert action.parameters["proration_behavior"] == "IMMEDIATELY"


@pytest.mark.fact(58)
def test_the_next_invoice_shows_a_planned_change(shop: Shop) -> None:
    row = shop.subscription()
    before = actions.upcoming_invoice(row)
    assert before.currency == row.currency
    assert (before.base_minor, before.usage_minor) == (row.amount_minor, 0)
    action = actions.change_plan(row, reason=REASON, quantity=5, at_period_end=True)
    assert settled(action).state == "DONE"
    row.refresh_from_db()
    assert row.quantity == 1
    assert actions.upcoming_invoice(row).base_minor == 5 * (before.base_minor or 0)


@pytest.mark.parametrize("executed", [True, False])
def test_a_replica_s_old_state_is_not_taken_for_what_was_asked(executed: bool, shop: Shop) -> None:
    """ACTIVE may be what was before the pause that is to be ended."""
    row = shop.subscription()
    assert settled(actions.pause_subscription(row, reason=REASON)).state == "DONE"
    action = actions.resume_subscription(row, reason=REASON)
    old = {"action": "edit_body", "args": {"set": {"data.status": "ACTIVE"}}}
    lost = {"action": "commit_then_reset" if executed else "reset"}
    shop.sandbox.fault(
        [
            {"match": {"path_regex": "/resume$"}, **lost},
            {"match": {"path_regex": f"/subscriptions/{row.pk}$"}, **old},
        ]
    )
    action = actions.perform(action)
    assert (action.state, action.is_open) == ("UNKNOWN", True)
    assert action.looked_at is not None
    assert settled(action).state == ("DONE" if executed else "REFUSED")


@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_answer_to_a_change_of_the_same_price_is_a_person_s_matter(
    executed: bool, shop: Shop
) -> None:
    row = shop.subscription()
    action = actions.change_plan(row, reason=REASON, billing_interval="YEARLY", at_period_end=True)
    fault = "commit_then_reset" if executed else "reset"
    shop.sandbox.fault([{"match": {"path_regex": "/change$"}, "action": fault}])
    action = settled(action)
    assert (action.state, action.is_open, action.settled_by) == ("UNKNOWN", False, "TIME")
    assert "the same either way" in action.outcome


def test_another_next_invoice_alone_does_not_show_the_change(shop: Shop) -> None:
    """Somebody plans another change in the dashboard: the next renewal costs more, by that."""
    row = shop.subscription()
    action = actions.change_plan(row, reason=REASON, quantity=3, at_period_end=True)
    shop.sandbox.fault([{"match": {"path_regex": "/change$"}, "action": "reset"}])
    action = actions.perform(action)
    with client_for(shop.store) as client:
        client.request(
            "subscription_change",
            params={"subscription_id": row.pk},
            body={"quantity": 9, "proration_behavior": "END_OF_PERIOD"},
        )
    action = settled(action)
    assert (action.state, action.is_open, action.settled_by) == ("UNKNOWN", False, "TIME")
    assert "another amount" in action.outcome


def test_a_variant_is_not_shown_and_so_a_person_s_matter(shop: Shop) -> None:
    sync_resource(shop.store, resource="products", trigger="COMMAND")
    row = shop.subscription()
    action = actions.change_plan(
        row, reason=REASON, product=row.product, variant_id="var_of_the_same_price"
    )
    shop.sandbox.fault([{"match": {"path_regex": "/change$"}, "action": "reset"}])
    action = settled(action)
    assert (action.state, action.is_open, action.settled_by) == ("UNKNOWN", False, "TIME")


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("what", ["quantity", "product"])
def test_a_planned_change_over_an_earlier_one_is_seen_by_its_price(
    what: str, executed: bool, shop: Shop
) -> None:
    sync_resource(shop.store, resource="products", trigger="COMMAND")
    row = shop.subscription()
    earlier = actions.change_plan(row, reason=REASON, quantity=5, at_period_end=True)
    assert settled(earlier).state == "DONE"
    dear = Product.objects.exclude(pk=row.product_id).order_by("-price_minor")[0]
    wanted: dict[str, Any] = {"quantity": 3} if what == "quantity" else {"product": dear}
    action = actions.change_plan(row, reason=REASON, at_period_end=True, **wanted)
    fault = "commit_then_reset" if executed else "reset"
    shop.sandbox.fault([{"match": {"path_regex": "/change$"}, "action": fault}])
    pass_time(earlier, minutes=11)
    assert settled(action).state == ("DONE" if executed else "REFUSED")


def test_a_change_is_made_though_the_invoice_can_t_be_asked_for(shop: Shop) -> None:
    row = shop.subscription()
    action = actions.change_plan(row, reason=REASON, quantity=2)
    rule = {"action": "status", "args": {"status": 403}, "times": 0}
    shop.sandbox.fault([{"match": {"path_regex": "upcoming-invoice"}, **rule}])
    action = settled(action)
    assert action.state == "DONE"
    assert "base_before_minor" not in action.parameters
