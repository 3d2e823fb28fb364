"""Ends checkout sessions whose time is over, and deletes old ones that nobody paid."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.models import CheckoutSession, Purchase

__all__ = ["LOST_AFTER", "end_sessions", "prune_sessions"]

# Whoever opened it has long got an answer or a time-out, or was killed.
LOST_AFTER = timedelta(minutes=5)
ROWS_PER_DELETE = 500

State = CheckoutSession.State


def end_sessions(*, now: datetime | None = None) -> int:
    """Note which sessions can't be paid any more. Returns how many.

    Those that are paid all the same, since the remote's clock is another one, are matched like any
    other.
    """
    now = now or timezone.now()
    rows = CheckoutSession.objects.all()
    expired = rows.filter(state=State.OPEN, expires_at__lte=now).update(state=State.EXPIRED)
    lost = rows.filter(state=State.PREPARED, created_at__lte=now - LOST_AFTER)
    return expired + lost.update(state=State.UNKNOWN)


def prune_sessions(*, now: datetime | None = None) -> int:
    """Delete sessions without an order, older than ``CHECKOUT_RETENTION_DAYS``. Returns how many.

    Those with one stay: they say to whom the order belongs.
    """
    before = (now or timezone.now()) - timedelta(days=conf.checkout_retention_days)
    paid = Purchase.objects.filter(session=OuterRef("pk"))
    old = CheckoutSession.objects.filter(~Exists(paid), created_at__lt=before)
    deleted = 0
    while ids := list(old.order_by("created_at").values_list("pk", flat=True)[:ROWS_PER_DELETE]):
        deleted += CheckoutSession.objects.filter(pk__in=ids).delete()[0]
    return deleted
