"""Which deliveries wait, which are asked for again, and which are old enough to go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.models import HandledEvent, WebhookDelivery
from pandabase_django.models.lookups import Among

__all__ = ["dead_letters", "due_deliveries", "mark_not_enqueued", "prune", "replay"]

SWEEP_AT_ONCE = 1000
# A message that is older than this is taken for lost; a worker that is merely late finds the
# delivery done, for the price of one query.
LOST_AFTER = timedelta(minutes=2)
PRUNE_AT_ONCE = 1000

State = WebhookDelivery.State


def due_deliveries(*, now: datetime | None = None) -> list[int]:
    """Ids of deliveries that nobody works on though they are due; notes that they are enqueued.

    At most a thousand, oldest first: the sweeper comes again in a minute.
    """
    now = now or timezone.now()
    lost = Q(enqueued_at__isnull=True) | Q(enqueued_at__lt=now - LOST_AFTER)
    due = WebhookDelivery.objects.filter(lost, state=State.PENDING, next_attempt_at__lte=now)
    ids = list(due.order_by("next_attempt_at").values_list("pk", flat=True)[:SWEEP_AT_ONCE])
    WebhookDelivery.objects.filter(pk__in=ids).update(enqueued_at=now)
    return ids


def mark_not_enqueued(delivery_id: int) -> None:
    """The broker failed: let the next sweep take this delivery."""
    WebhookDelivery.objects.filter(pk=delivery_id, state=State.PENDING).update(enqueued_at=None)


def dead_letters(*, store_id: str = "") -> list[int]:
    """Ids of deliveries that are given up, oldest first."""
    rows = WebhookDelivery.objects.filter(state=State.DEAD)
    if store_id:
        rows = rows.filter(endpoint__store_id=store_id)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def replay(delivery_ids: Iterable[int]) -> list[int]:
    """Put deliveries back to be worked off anew, whatever became of them; returns their ids.

    A pending one only becomes due at once. Handlers that are through with an event are not called
    again (see ``pandabase_django.events``).
    """
    ids = list(delivery_ids)
    now = timezone.now()
    rows = WebhookDelivery.objects.filter(Among(F("pk"), ids))
    rows.exclude(state=State.PENDING).update(
        state=State.PENDING,
        attempts=0,
        next_attempt_at=now,
        enqueued_at=now,
        finished_at=None,
        last_error="",
    )
    # One that a worker has claimed is left to it: its next attempt lies beyond its time of work.
    rows.filter(state=State.PENDING, enqueued_at__isnull=True).update(
        next_attempt_at=now, enqueued_at=now
    )
    due = rows.filter(state=State.PENDING, next_attempt_at__lte=now)
    return list(due.order_by("pk").values_list("pk", flat=True))


def prune(*, now: datetime | None = None) -> int:
    """Delete finished deliveries older than ``WEBHOOK_RETENTION_DAYS``. Returns how many.

    That an event was handled is forgotten only when no delivery of it is left to be replayed.
    """
    cutoff = (now or timezone.now()) - timedelta(days=conf.webhook_retention_days)
    old = WebhookDelivery.objects.filter(received_at__lt=cutoff).exclude(state=State.PENDING)
    deleted = 0
    while ids := list(old.order_by("pk").values_list("pk", flat=True)[:PRUNE_AT_ONCE]):
        deleted += WebhookDelivery.objects.filter(pk__in=ids).delete()[0]
    kept = WebhookDelivery.objects.filter(
        endpoint__store_id=OuterRef("store_id"), event_id=OuterRef("event_id")
    )
    HandledEvent.objects.filter(~Exists(kept), handled_at__lt=cutoff).delete()
    return deleted
