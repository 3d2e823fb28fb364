"""The form that accepts a purchase."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.nonces import ConfirmedForm
from pandabase_django.models import Order, Purchase

__all__ = ["AcceptForm"]


class AcceptForm(ConfirmedForm):
    """Why an order that paid for something else counts all the same."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("The history keeps it for good. Such as: the rest came by bank transfer."),
    )

    def __init__(self, data: Any = None, *, purchase: Purchase, user: Any) -> None:
        super().__init__(data, user=user, shown=_state_of(purchase))


def _state_of(purchase: Purchase) -> list[object]:
    """Its verdict and what differs, and the order's own state: all that the page showed."""
    rows = Purchase.objects.filter(pk=purchase.pk)
    order = Order.objects.filter(pk=purchase.order_id, store=purchase.store_id)
    return [
        "purchase",
        purchase.pk,
        *(rows.values_list("verdict", "session", "differences").first() or ()),
        *(order.values_list("status", "total_minor", "amount_minor", "gone_at").first() or ()),
    ]
