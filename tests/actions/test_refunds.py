"""Refunds: what is refused here, and what is here afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from pandabase_django import actions
from pandabase_django.exceptions import ActionRefused
from pandabase_django.models import Dispute, Order, Refund, RowChange
from tests.actions.conftest import REASON, Shop, settled

pytestmark = pytest.mark.django_db


def code_of(order: Order, **arguments: str) -> str:
    with pytest.raises(ActionRefused) as caught:
        actions.refund(order, reason=REASON, **arguments)
    assert str(caught.value)
    return caught.value.code


def test_order_and_refund_are_here_afterwards(shop: Shop) -> None:
    order = shop.order()
    action = settled(actions.refund(order, reason=REASON, code="FRAUDULENT"))
    order.refresh_from_db()
    made = Refund.objects.get(pk=action.result_id)
    assert (order.status, order.payment_status) == ("REFUNDED", "REFUNDED")
    assert (made.order, made.reason, made.currency) == (order, "FRAUDULENT", order.currency)
    assert RowChange.objects.filter(row_id=order.pk).exists()


@pytest.mark.fact(46)
def test_it_is_possible_for_thirty_days_and_a_day_of_grace(shop: Shop) -> None:
    shop.sandbox.set(refund_days=30)
    try:
        order = shop.order()
        until = actions.refundable_until(order)
        assert until is not None
        assert order.created_at is not None
        assert until - order.created_at == timedelta(days=30)
        Order.objects.filter(pk=order.pk).update(created_at=timezone.now() - timedelta(days=31.1))
        assert code_of(order) == "too_late"
        # In the day of grace the remote decides.
        late = timezone.now() - timedelta(days=30.5)
        Order.objects.filter(pk=order.pk).update(created_at=late)
        fields = {"createdAt": late.isoformat().replace("+00:00", "Z")}
        shop.sandbox.change([{"op": "edit_order", "id": order.pk, "fields": fields}])
        action = settled(actions.refund(order, reason=REASON))
        assert action.state == "REFUSED"
        assert "refund window" in action.outcome
    finally:
        shop.sandbox.set(refund_days=0)


def test_what_can_t_be_refunded_is_refused_before_anything_is_recorded(shop: Shop) -> None:
    order = shop.order()
    assert code_of(order, code="NO_REASON") == "code"
    dispute = shop.dispute()
    assert dispute.order is not None
    assert code_of(dispute.order) == "status"
    Order.objects.filter(pk=dispute.order_id).update(status="COMPLETED")
    assert code_of(dispute.order) == "disputed"
    Dispute.objects.update(status="WON")
    actions.refund(dispute.order, reason=REASON)
    settled(actions.refund(order, reason=REASON))
    Order.objects.filter(pk=order.pk).update(status="COMPLETED")
    assert code_of(order) == "refunded"
    # One that failed leaves the order as it was.
    Refund.objects.filter(order=order.pk).update(status="FAILED")
    assert actions.refund(order, reason=REASON).state == "PREPARED"
