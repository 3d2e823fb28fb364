"""What of actions, disputes and refunds needs a person is found; the rest is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from pandabase_django import actions
from pandabase_django.models import CheckoutSession, Dispute, Order, Purchase, RemoteAction
from pandabase_django.services.health.checks.actions import actions_are_settled
from pandabase_django.services.health.checks.deadlines import disputes_are_answered
from pandabase_django.services.health.checks.purchases import purchases_are_handed_out
from pandabase_django.services.health.findings import Situation
from pandabase_django.texts.times import time_text
from tests.actions.conftest import REASON, Shop, pass_time, settled

pytestmark = pytest.mark.django_db


def found(check: object = actions_are_settled) -> dict[str, str]:
    return {one.code: one.level.value for one in check(Situation())}  # type: ignore[operator]


def test_actions_that_hang_or_are_not_known_are_found(shop: Shop) -> None:
    this = shop.attempt("fulfilment")
    action = this.ask()
    assert found() == {}
    pass_time(action, minutes=11)
    assert found() == {"action_unfinished": "warning"}
    shop.sandbox.fault([{"match": {"path_regex": this.path}, "action": "reset"}])
    settled(action)
    assert found() == {"action_unknown": "error"}
    RemoteAction.objects.update(state="DONE")
    assert found() == {}
    other = shop.attempt("pause")
    action = other.ask()
    shop.sandbox.fault([{"match": {"path_regex": other.path}, "action": "reset"}])
    settled(action, hours=0.2)
    assert found() == {"action_unknown": "warning"}


def test_what_code_asked_for_in_vain_is_reported_for_a_week(shop: Shop) -> None:
    this = shop.attempt("refund")
    shop.sandbox.change([{"op": "refund_order", "id": this.row.pk}])
    action = settled(this.ask())
    assert found() == {"action_refused": "warning"}
    pass_time(action, days=8)
    assert found() == {}


def test_what_a_user_asked_for_is_not_said_to_be_code_s_when_the_user_is_deleted(
    shop: Shop,
) -> None:
    user = User.objects.create_user("ada")
    order = shop.order()
    shop.sandbox.change([{"op": "refund_order", "id": order.pk}])
    action = settled(actions.refund(order, reason=REASON, by=user))
    assert (action.state, found()) == ("REFUSED", {})
    user.delete()
    assert found() == {}


@pytest.mark.parametrize(
    ("days", "level"), [(1, "warning"), (6, "error"), (7.5, "error"), (9, None)]
)
def test_a_dispute_that_awaits_evidence_is_found_in_time(
    days: float, level: str | None, shop: Shop
) -> None:
    dispute = shop.dispute()
    Dispute.objects.update(created_at=timezone.now() - timedelta(days=days))
    expected = {"dispute_evidence_due": level} if level else {}
    assert found(disputes_are_answered) == expected
    for one in disputes_are_answered(Situation()):
        assert one.url_args == (dispute.pk,)
        assert one.sentence.startswith(f"1 dispute of {shop.store} awaits evidence, until ")
    Dispute.objects.update(status="UNDER_REVIEW")
    assert found(disputes_are_answered) == {}


@pytest.mark.parametrize(("days", "is_found"), [(5, False), (25, True), (31, False)])
def test_a_mismatch_that_can_soon_not_be_refunded_is_found(
    days: int, is_found: bool, shop: Shop
) -> None:
    order = shop.order()
    session = CheckoutSession.objects.create(store=shop.store, currency="USD", items=[])
    Purchase.objects.create(
        order=order,
        session=session,
        store=shop.store,
        verdict="MISMATCH",
        seen_at=timezone.now(),
    )
    Order.objects.update(created_at=timezone.now() - timedelta(days=days))
    (until,) = Order.objects.values_list("created_at", flat=True)
    sentences = {one.code: one.sentence for one in purchases_are_handed_out(Situation())}
    assert ("refund_window_ends" in sentences) is is_found
    if is_found:
        last = time_text(until + timedelta(days=30))
        assert sentences["refund_window_ends"].endswith(f"can be refunded only until {last}.")
    Order.objects.update(status="REFUNDED")
    assert found(purchases_are_handed_out) == {}
