"""Tasks that send recorded usage."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from pandabase_django.exceptions import ConfigurationError, PandabaseError
from pandabase_django.models import Store
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.health.ticks import tick
from pandabase_django.services.usage.batches import stores_with_usage
from pandabase_django.services.usage.sending import send_usage as send_usage_of
from pandabase_django.tasks.broker import enqueue

__all__ = ["send_store_usage", "send_usage"]

logger = get_logger(__name__)

# The next message comes within a minute: one that still runs would share its rows with it.
SECONDS = 50.0
EXPIRES_SECONDS = 60.0


@shared_task(bind=True, name="pandabase.send_usage")
def send_usage(self: Task[Any, Any]) -> list[str]:
    """Enqueue the sending of each enabled store that has usage to send."""
    tick(self.name)
    stores = stores_with_usage()
    for store_id in stores:
        if not enqueue(send_store_usage, store_id, expires_seconds=EXPIRES_SECONDS):
            break  # the next minute tries again
    return stores


@shared_task(name="pandabase.send_store_usage", acks_late=True)
def send_store_usage(store_id: str) -> str:
    """Send what is due of a store. Returns what ended it early, "" when nothing did.

    Nothing is retried here: what is left is taken in the next minute.
    """
    store = Store.objects.filter(pk=store_id, enabled=True).first()
    if store is None:
        return ""
    try:
        return send_usage_of(store, seconds=SECONDS).trouble
    except (PandabaseError, ConfigurationError) as error:
        logger.warning("Usage of %s was not sent: %s", store_id, error, extra=facts(store=store_id))
        return str(error)
