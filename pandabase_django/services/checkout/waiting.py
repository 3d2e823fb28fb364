"""What becomes of a session that a buyer has come back from, and what they wait for."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from pandabase_django.models import CheckoutSession, Store, SyncCursor, WebhookEndpoint
from pandabase_django.models.sync import Resource
from pandabase_django.services.tokens.holding import used_elsewhere

__all__ = ["can_be_paid", "may_be_paid_yet", "may_have_expired_paid", "needs_a_sync"]

State = CheckoutSession.State

# However many buyers wait and load their pages again, a store is not read more often.
READ_EVERY = timedelta(seconds=20)
# The same where a webhook should have reported the order, and did not.
READ_ANYWAY_EVERY = timedelta(minutes=1)
# A payment of the last moment is reported after the end of its session.
REPORTED_WITHIN = timedelta(minutes=10)


def needs_a_sync(store: Store, *, waited_long: bool = False) -> bool:
    """Whether no webhook reports the order, and the last sync was a while ago.

    One that failed counts as well: each may leave a record, and anybody can load the page. A store
    that is disabled, or of another environment, is not read.

    Args:
        store: Whose order is waited for.
        waited_long: A webhook would have come by now: it may be lost, or its secret be wrong.
    """
    if not store.enabled or used_elsewhere(store.pk) is not None:
        return False
    # One that never took a good delivery may be registered nowhere, or have a wrong secret.
    working = WebhookEndpoint.objects.filter(
        store=store, enabled=True, last_verified_at__isnull=False
    )
    every = READ_EVERY
    if working.exists():
        if not waited_long:
            return False
        every = READ_ANYWAY_EVERY
    since = timezone.now() - every
    return not SyncCursor.objects.filter(
        Q(last_completed_at__gt=since) | Q(heartbeat_at__gt=since),
        store=store,
        resource=Resource.ORDERS,
    ).exists()


def can_be_paid(session: CheckoutSession) -> bool:
    """Whether to lead a buyer to its payment: after a declined card too, as long as it lives."""
    if session.state == State.OPEN:
        return True
    ends = _end_of_declined(session)
    return ends is not None and timezone.now() < ends


def may_be_paid_yet(session: CheckoutSession) -> bool:
    """Whether a try failed, and another may succeed, or may have while its order is not here."""
    ends = _end_of_declined(session)
    return ends is not None and timezone.now() - ends < REPORTED_WITHIN


def _end_of_declined(session: CheckoutSession) -> datetime | None:
    # Of one whose answer got lost, neither its end nor its address is known.
    is_known = session.state == State.FAILED and session.checkout_url
    return session.expires_at if is_known else None


def may_have_expired_paid(session: CheckoutSession) -> bool:
    """Whether a session ended so short a while ago that its payment may be on its way here."""
    ended = session.expires_at
    return (
        session.state == State.EXPIRED
        and ended is not None
        and timezone.now() - ended < REPORTED_WITHIN
    )
