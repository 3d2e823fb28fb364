"""What lists and pages of checkouts, purchases and orders show in the same way."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from pandabase_django.admin.base.display import EMPTY, badge, money
from pandabase_django.admin.base.links import link
from pandabase_django.admin.checkout.texts import explain, handing_text
from pandabase_django.models import CheckoutSession, Order, Purchase

__all__ = [
    "STATE_TONES",
    "handing_badge",
    "order_link",
    "paid_amount",
    "user_condition",
    "user_link",
    "verdict_badge",
]

MOST_USERS = 100  # that one searched name or address may bring

State = CheckoutSession.State
STATE_TONES = {
    State.PREPARED: "busy",
    State.OPEN: "busy",
    State.UNKNOWN: "warn",
    State.REFUSED: "bad",
    State.EXPIRED: "quiet",
    State.PROCESSING: "busy",
    State.PAID: "good",
    State.FAILED: "warn",
    State.MISMATCH: "bad",
    State.REVERSED: "warn",
}


def user_link(site: admin.AdminSite, user: Any) -> str:
    """A user of the shop, with a link to their page where the admin has one."""
    if user is None:
        return EMPTY
    meta = user._meta
    with suppress(NoReverseMatch):
        name = f"{site.name}:{meta.app_label}_{meta.model_name}_change"
        return format_html('<a href="{}">{}</a>', reverse(name, args=[quote(user.pk)]), user)
    return str(user)


def user_condition(term: str) -> Q:
    """Rows of a user whose name, or e-mail address, is this."""
    model: Any = get_user_model()
    named = Q(**{model.USERNAME_FIELD: term})
    if email := model.get_email_field_name():
        with suppress(LookupError):
            model._meta.get_field(email)
            named |= Q(**{email: term})
    users = model._default_manager.filter(named).values_list("pk", flat=True)
    return Q(user__in=list(users[:MOST_USERS]))


def order_link(site: admin.AdminSite, purchase: Purchase) -> str:
    """The order of a purchase; its id alone when it is not here."""
    if purchase.order is None:
        return purchase.order_id or EMPTY
    return link(site, purchase.order, purchase.order.pk)


def paid_amount(order: Order | None) -> str:
    """What an order came to, with its taxes."""
    if order is None:
        return EMPTY
    total = order.amount_minor if order.total_minor is None else order.total_minor
    return money(total, order.currency)


def verdict_badge(purchase: Purchase) -> str:
    """The verdict."""
    return badge(purchase.get_verdict_display(), tone=explain(purchase).tone)


def handing_badge(purchase: Purchase) -> str:
    """What became of its handlers."""
    text, tone = handing_text(purchase)
    return badge(text, tone=tone) if text else EMPTY
