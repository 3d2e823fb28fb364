"""Refunds: always of the whole order (Source: P-46)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import QuerySet, TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pandabase_django.api.client import Client
from pandabase_django.exceptions import MissingPermission
from pandabase_django.models import (
    Dispute,
    License,
    Order,
    OrderItem,
    Refund,
    RemoteAction,
    Subscription,
)
from pandabase_django.services.actions.asking import ask
from pandabase_django.services.actions.kinds import Kind, Reading, Shown, refused
from pandabase_django.services.actions.subjects.deadlines import (
    GRACE,
    OPEN_DISPUTES,
    refundable_until,
)
from pandabase_django.services.sync.access.licenses import LICENSES
from pandabase_django.services.sync.access.refreshing import fetch_subscription
from pandabase_django.services.sync.money.currency import fill_of_order
from pandabase_django.services.sync.money.lists import REFUNDS
from pandabase_django.services.sync.refresh import fetch_order
from pandabase_django.services.sync.single import fetch_row
from pandabase_django.texts.times import day_text

__all__ = ["REFUND", "RefundCode", "refund"]

FAILED = "FAILED"
MOST_READ = 20


class RefundCode(TextChoices):
    """Why, as Pandabase asks for it."""

    REQUESTED_BY_CUSTOMER = "REQUESTED_BY_CUSTOMER", gettext_lazy("The customer asked for it")
    DUPLICATE = "DUPLICATE", gettext_lazy("Paid twice")
    FRAUDULENT = "FRAUDULENT", gettext_lazy("Fraud")


def refund(
    order: Order,
    *,
    reason: str,
    code: str = RefundCode.REQUESTED_BY_CUSTOMER,
    by: Any = None,
) -> RemoteAction:
    """Refund an order, wholly, within 30 days of it::

        action = refund(order, reason="The course was cancelled.", by=request.user)

    Fees are not given back, a subscription that it paid for is cancelled, and licences of a pool
    return to it (Source: P-46). It is recorded now, inside the caller's transaction if there is
    one, and a worker sends it after the commit.

    Args:
        order: The order.
        reason: Why, in the shop's words; it stays here.
        code: What Pandabase is told, one of ``RefundCode``.
        by: The user who asks; None for the shop's code.

    Raises:
        ActionRefused: It can't be refunded, by what is known here; ``code`` says why.
        ActionInProgress: What became of another action of this order is not known yet.
    """
    return ask(REFUND, order, reason=reason, by=by, parameters={"reason": str(code)})


def _check(order: Order, parameters: Mapping[str, Any], now: datetime) -> None:
    if parameters.get("reason", RefundCode.DUPLICATE) not in RefundCode.values:
        text = _("Pandabase takes one of these: %(codes)s")
        raise refused("code", text % {"codes": ", ".join(RefundCode.values)})
    if order.status != "COMPLETED":
        text = _("Only a completed order can be refunded; this one is %(status)s.")
        raise refused("status", text % {"status": order.status or "?"})
    until = refundable_until(order)
    if until is not None and now > until + GRACE:
        text = _("The 30 days for a refund ended on %(day)s.")
        raise refused("too_late", text % {"day": day_text(until)})
    same = {"order": order.pk, "store": order.store_id, "gone_at": None}
    if Dispute.objects.filter(**same, status__in=OPEN_DISPUTES).exists():
        text = _("A dispute about this order is open: answer it instead.")
        raise refused("disputed", text)
    if Refund.objects.filter(**same).exclude(status=FAILED).exists():
        raise refused("refunded", _("A refund of this order is here already."))


def _look(client: Client, action: RemoteAction) -> Reading:
    for found in client.orders.refunds(action.object_id):
        if found.status != FAILED:
            return Reading(Shown.DONE, result_id=found.id)
    return Reading(Shown.NOT_YET)


def _read_rows(action: RemoteAction) -> bool:
    user = action.asked_by_id
    if action.result_id:
        fetch_row(action.store, REFUNDS, action.result_id, user_id=user)
    fetch_order(action.store, action.object_id, user_id=user)
    fill_of_order(action.store, action.object_id)
    order = Order.objects.filter(pk=action.object_id, store=action.store_id).first()
    if order is None:
        return True
    if order.status == "REFUNDED":
        return _read_what_it_ended(action, order)
    # One that the bank still works on leaves the order as it is.
    made = Refund.objects.filter(pk=action.result_id, store=action.store_id)
    return made.filter(status="PROCESSING").exists()


def _read_what_it_ended(action: RemoteAction, order: Order) -> bool:
    """Read licences and subscriptions that the order paid for; whether all of them have ended.

    No order names its subscription: of several of the product any may be meant.
    """
    user, of_order = action.asked_by_id, {"order": order.pk, "store": order.store_id}
    subscriptions = Subscription.objects.live().filter(
        store=order.store_id,
        customer__isnull=False,
        customer=order.customer_id,
        product__in=OrderItem.objects.live().filter(**of_order).values("product_id"),
    )
    going_on = subscriptions.exclude(status="CANCELLED")
    licences = License.objects.live().filter(**of_order, status="CLAIMED")
    read_license = partial(fetch_row, action.store, LICENSES, user_id=user)
    read_subscription = partial(fetch_subscription, action.store, user_id=user)
    ended = [_have_ended(licences, read_license), _have_ended(going_on, read_subscription)]
    return all(ended)


def _have_ended(rows: QuerySet[Any], read: Callable[[str], object]) -> bool:
    """Read these rows again, the newest ones; whether none is left of them."""
    try:
        for pk in list(rows.order_by("-created_at", "pk").values_list("pk", flat=True)[:MOST_READ]):
            read(pk)
    except MissingPermission:
        return True  # then nothing of the kind is read here
    return not rows.exists()


def _id_of(data: Any) -> str:
    found = data.get("id") if isinstance(data, dict) else None
    return found if isinstance(found, str) else ""


REFUND = Kind(
    what=RemoteAction.What.REFUND,
    model=Order,
    permission="pandabase.refund_order",
    operation="order_refund",
    id_name="order_id",
    check=_check,
    body=lambda parameters: {"reason": parameters["reason"]},
    result_of=_id_of,
    look=_look,
    read_rows=_read_rows,
)
