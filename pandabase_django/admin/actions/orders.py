"""What can be done to an order: refund it, retry its fulfilment."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pandabase_django.admin.actions.forms import RefundForm
from pandabase_django.admin.actions.pages import ActionPage, Fact
from pandabase_django.admin.base.display import EMPTY, moment, money
from pandabase_django.models import Order
from pandabase_django.services.actions.subjects.deadlines import refundable_until
from pandabase_django.services.actions.subjects.fulfilment import (
    RETRY_FULFILMENT,
    retry_fulfilment,
)
from pandabase_django.services.actions.subjects.refunds import REFUND, refund

__all__ = ["ORDER_ACTIONS"]


def _facts(order: Order) -> Sequence[Fact]:
    return [
        (_("Order"), order.order_number or order.pk),
        (_("Customer"), (order.customer.email if order.customer else "") or EMPTY),
        (_("Amount"), money(order.amount_minor, order.currency)),
        (_("Total paid"), money(order.total_minor, order.currency)),
        (_("Created"), moment(order.created_at)),
        (_("Refundable until"), moment(refundable_until(order))),
    ]


def _refund_consequences(order: Order) -> Sequence[str]:
    return [
        _("The customer gets the whole amount back. A part can't be refunded."),
        _("Fees are kept by Pandabase."),
        _("A subscription that it paid for is cancelled, and licences of a pool return to it."),
        _("The shop's handlers for a reversal are called when the refund is seen."),
        _("Nobody can undo it."),
    ]


def _retry_consequences(order: Order) -> Sequence[str]:
    return [
        _("Pandabase sends again what fulfils the order, if that has failed."),
        _("What your endpoints have handled before, they do not handle again."),
    ]


ORDER_ACTIONS = (
    ActionPage(
        name="refund",
        kind=REFUND,
        label=gettext_lazy("Refund…"),
        submit_label=gettext_lazy("Refund the whole order"),
        ask=refund,
        form=RefundForm,
        facts=_facts,
        consequences=_refund_consequences,
    ),
    ActionPage(
        name="retry_fulfilment",
        kind=RETRY_FULFILMENT,
        label=gettext_lazy("Retry fulfilment…"),
        submit_label=gettext_lazy("Retry fulfilment"),
        ask=retry_fulfilment,
        facts=lambda order: _facts(order)[:-1],
        consequences=_retry_consequences,
    ),
)
