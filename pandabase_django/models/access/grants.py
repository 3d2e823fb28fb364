"""Which products a user may use, as one condition for a query.

It says what ``services.access.rules`` says of rows that were loaded; a test compares the two.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from pandabase_django.models.access.subscriptions import BEGINS_WITHIN, Subscription
from pandabase_django.models.checkout.purchases import Purchase
from pandabase_django.models.orders import BELONGS, OrderItem, OrderItemQuerySet

__all__ = ["CLOCKS_APART", "NOT_PAID_FOR", "SUBSCRIPTION_TYPE", "granted_to"]

SUBSCRIPTION_TYPE = "SUBSCRIPTION"
"""Type of a product that is paid for again and again. Source: P-45."""

NOT_PAID_FOR = ("REFUNDED", "CHARGEBACK")
"""Statuses of an order whose money went back. Source: P-27."""

CLOCKS_APART = timedelta(minutes=5)
"""What was made so little after the time that is asked about counts: by the remote's clock it is
made at once, and this one may be behind."""


def granted_to(user: Any, *, at: datetime | None = None) -> Q | None:
    """A condition for products; None when this user may use none, whatever was bought.

    Each part starts from what is the user's, since a product may have a million lines.

    Args:
        user: The shop's user.
        at: When; None is now.
    """
    if user is None or user.pk is None or not getattr(user, "is_active", True):
        return None
    at = at or timezone.now()
    lines = _lines(at)
    in_force = _in_force("order__purchases__", at)
    linked = _linked("order__customer__links__", user)
    single = Q(order__status="COMPLETED") & ~Q(product__product_type=SUBSCRIPTION_TYPE)
    subscriptions = Subscription.objects.active(at).filter(
        _begun("", at), product__store=F("store")
    )
    begun_by = Q(purchases__verdict__in=BELONGS, purchases__standing=Purchase.Standing.IN_FORCE)
    # What a user bought who is deleted by now is nobody's.
    guests = Q(purchases__user=None, purchases__session__had_user=False)
    parts = (
        lines.filter(in_force, order__purchases__user=user.pk),
        # What a guest bought, and what names no session of this shop.
        lines.filter(
            linked,
            in_force,
            order__purchases__user=None,
            order__purchases__session__had_user=False,
        ),
        lines.filter(linked, single, order__purchases=None),
        subscriptions.filter(begun_by, purchases__user=user.pk),
        subscriptions.filter(
            _linked("customer__links__", user),
            Q(purchases=None) | (begun_by & guests),
        ),
    )
    condition = Q()
    for part in parts:
        condition |= Q(pk__in=part.order_by().values("product_id"))
    return condition


def _lines(at: datetime) -> OrderItemQuerySet:
    return OrderItem.objects.live().filter(
        Q(quantity__gt=0) | Q(quantity=None),
        _begun("order__", at),
        order__gone_at=None,
        product__store=F("store"),
    )


def _in_force(path: str, at: datetime) -> Q:
    """The purchase of a line counts; of a subscription, until that one is known itself."""
    key = f"{path}session__items__0__subscription"
    # An item of an old session may lack it.
    single = Q(**{key: False}) | Q(**{f"{key}__isnull": True})
    awaited = Q(**{f"{path}subscription": None, "order__created_at__gt": at - BEGINS_WITHIN})
    reversed_since = Q(order__status__in=NOT_PAID_FOR)
    counts = Q(
        **{
            f"{path}verdict__in": BELONGS,
            f"{path}standing": Purchase.Standing.IN_FORCE,
        }
    )
    return counts & ~reversed_since & (single | awaited)


def _linked(path: str, user: Any) -> Q:
    return Q(**{f"{path}user": user.pk, f"{path}ended_at": None})


def _begun(path: str, at: datetime) -> Q:
    return Q(**{f"{path}created_at__lte": at + CLOCKS_APART}) | Q(**{f"{path}created_at": None})
