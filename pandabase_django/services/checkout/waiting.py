"""Whether a buyer who waits for a payment to show needs a sync to see it."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from pandabase_django.models import SyncCursor, WebhookEndpoint
from pandabase_django.models.sync import Resource

__all__ = ["needs_a_sync"]

# However many buyers wait and load their pages again, a store is not read more often.
READ_EVERY = timedelta(seconds=20)


def needs_a_sync(store_id: str) -> bool:
    """Whether no webhook would report the order, and the last sync was a while ago."""
    if WebhookEndpoint.objects.filter(store=store_id, enabled=True).exists():
        return False
    return not SyncCursor.objects.filter(
        store=store_id,
        resource=Resource.ORDERS,
        last_completed_at__gt=timezone.now() - READ_EVERY,
    ).exists()
