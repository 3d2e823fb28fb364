"""Retrying the fulfilment of a paid order, which sends its webhooks anew (Source: P-59)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from pandabase_django.models import Order, RemoteAction
from pandabase_django.services.actions.asking import ask
from pandabase_django.services.actions.kinds import Kind, refused
from pandabase_django.services.sync.refresh import fetch_order

__all__ = ["RETRY_FULFILMENT", "retry_fulfilment"]


def retry_fulfilment(order: Order, *, reason: str, by: Any = None) -> RemoteAction:
    """Have Pandabase fulfil a paid order again, whose fulfilment failed.

    Nothing at Pandabase shows whether that was done. If the answer is lost, it is not known for
    good, and asking again harms nothing: what is delivered twice is handled once.

    Args:
        order: The order.
        reason: Why, in the shop's words; it stays here.
        by: The user who asks; None for the shop's code.

    Raises:
        ActionRefused: By what is known here it can't be done.
        ActionInProgress: What became of another action of this order is not known yet.
    """
    return ask(RETRY_FULFILMENT, order, reason=reason, by=by)


def _check(order: Order, parameters: Mapping[str, Any], now: datetime) -> None:
    if order.status != "COMPLETED":
        text = _("Only a completed order is fulfilled; this one is %(status)s.")
        raise refused("status", text % {"status": order.status or "?"})


def _read_rows(action: RemoteAction) -> bool:
    fetch_order(action.store, action.object_id, user_id=action.asked_by_id)
    return True


RETRY_FULFILMENT = Kind(
    what=RemoteAction.What.RETRY_FULFILMENT,
    model=Order,
    permission="pandabase.retry_fulfilment_order",
    operation="order_retry_fulfillment",
    id_name="order_id",
    check=_check,
    read_rows=_read_rows,
)
