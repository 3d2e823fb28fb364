"""What a buyer who waits for a payment to show waits for."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from pandabase_django.models import CheckoutSession, SyncCursor, WebhookEndpoint
from pandabase_django.models.sync import Resource

__all__ = ["may_have_expired_paid", "needs_a_sync"]

# However many buyers wait and load their pages again, a store is not read more often.
READ_EVERY = timedelta(seconds=20)
# A payment of the last moment is reported after the end of its session.
REPORTED_WITHIN = timedelta(minutes=10)


def needs_a_sync(store_id: str) -> bool:
    """Whether no webhook would report the order, and the last sync was a while ago.

    One that failed counts as well: each may leave a record, and anybody can load the page.
    """
    if WebhookEndpoint.objects.filter(store=store_id, enabled=True).exists():
        return False
    since = timezone.now() - READ_EVERY
    return not SyncCursor.objects.filter(
        Q(last_completed_at__gt=since) | Q(heartbeat_at__gt=since),
        store=store_id,
        resource=Resource.ORDERS,
    ).exists()


def may_have_expired_paid(session: CheckoutSession) -> bool:
    """Whether a session ended so short a while ago that its payment may be on its way here."""
    ended = session.expires_at
    return (
        session.state == CheckoutSession.State.EXPIRED
        and ended is not None
        and timezone.now() - ended < REPORTED_WITHIN
    )
