"""Brings the subscription up to date that an event names, before its handlers are called.

Replicas lag: an answer may show the subscription as it was before the event, or not at all. Such an
answer is asked for again. As a subscription carries no time of its last change (P-48), one that
changed once more since looks the same; so after a minute every answer is believed:
the handlers of later events must not wait for a state that is over.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from pandabase_django.api.webhooks.payload import EventSubscription
from pandabase_django.exceptions import ConfigurationError, ObjectNotFound, PandabaseError
from pandabase_django.models import Subscription, WebhookDelivery
from pandabase_django.observing.logs import get_logger
from pandabase_django.printable import printable
from pandabase_django.services.sync.access.refreshing import fetch_subscription

__all__ = ["refresh_subscription", "subscription_behind"]

logger = get_logger(__name__)

# Replicas answer up to a minute late.
_LAG = timedelta(minutes=1)
# How exactly the two forms need to agree on a time.
_SAME_TIME = timedelta(minutes=1)


def refresh_subscription(
    delivery: WebhookDelivery, subscription_id: str, *, while_waiting: Callable[[], None]
) -> None:
    """Fetch and write a subscription that an event names.

    When the token may not read it, or the remote still does not find it, the handlers wait for
    nothing: the event itself says what became of it (P-49).

    Raises:
        PandabaseError: It is to be asked for again.
    """
    store = delivery.endpoint.store
    try:
        fetch_subscription(
            store, subscription_id, delivery_id=str(delivery.pk), while_waiting=while_waiting
        )
    except (PandabaseError, ConfigurationError) as error:
        if isinstance(error, ObjectNotFound) and _may_lag(delivery):
            known = Subscription.objects.filter(pk=subscription_id, store=store)
            if not known.exists():
                raise
        if isinstance(error, PandabaseError) and error.retryable:
            raise
        logger.info("Subscription %s was not read: %s", printable(subscription_id), error)


def subscription_behind(delivery: WebhookDelivery) -> str:
    """The status of a row that is, as far as it shows, from before the event; "" when it is not."""
    said = EventSubscription.within(delivery.payload)
    if said is None or not said.id or not _may_lag(delivery):
        return ""
    row = Subscription.objects.filter(pk=said.id, store_id=delivery.endpoint.store_id).first()
    if row is None:
        return ""  # it could not be read
    here, there = row.current_period_end, said.current_period_end
    if here is not None and there is not None and abs(here - there) > _SAME_TIME:
        return row.status if here < there else ""
    return row.status if said.status and row.status != said.status else ""


def _may_lag(delivery: WebhookDelivery) -> bool:
    return timezone.now() - delivery.received_at < _LAG
