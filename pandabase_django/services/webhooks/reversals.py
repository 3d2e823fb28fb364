"""Reads the refunds and disputes of an order that an event reports, before its handlers are called.

A dispute can be answered for seven days, and a handler may do so at once. No event names a refund
or a dispute, so they are found by their order. A limit or an outage is waited for as the order's
own reading waits; what can't be read for good, or after some attempts, comes with the next poll.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from pandabase_django.api import schemas
from pandabase_django.api.client import Client
from pandabase_django.exceptions import ConfigurationError, PandabaseError, interruptions
from pandabase_django.models import Dispute, WebhookDelivery
from pandabase_django.observing.logs import get_logger
from pandabase_django.printable import printable
from pandabase_django.services.sync.mirror.resource import Resource
from pandabase_django.services.sync.money.currency import fill_of_order
from pandabase_django.services.sync.money.lists import DISPUTES, REFUNDS
from pandabase_django.services.sync.single import fetch_row
from pandabase_django.services.tokens.clients import client_for

__all__ = ["read_reversals"]

logger = get_logger(__name__)

# A dispute that is not here yet has just been opened.
NEWEST_DISPUTES = 50
# So often a delivery is tried again for them; then its handlers are called without.
ATTEMPTS = 3


def read_reversals(
    delivery: WebhookDelivery, *, been_read: set[str], while_waiting: Callable[[], None]
) -> None:
    """Read the refunds or disputes of the delivery's order again, if its event is about them.

    Call it once the order itself is not older than the event: rows that are here already make no
    order due when a poll meets them.

    Args:
        delivery: The delivery.
        been_read: Which of the two were read for a delivery of the same order just now; grows.
        while_waiting: Called each second while an answer is waited for.

    Raises:
        Exception: They are to be asked for again, before the handlers are called.
    """
    resource = _resource_of(delivery.event)
    if resource is None or not delivery.order_id or resource.name in been_read:
        return
    try:
        _read(delivery, resource, while_waiting)
    except interruptions():
        raise
    except Exception as error:
        if delivery.attempts < ATTEMPTS and not _for_good(error):
            raise
        # The words of an unexpected error may be the row's.
        known = isinstance(error, (PandabaseError, ConfigurationError))
        why = error if known else type(error).__name__
        level = logging.INFO if _for_good(error) else logging.WARNING
        order = printable(delivery.order_id)
        logger.log(level, "The %s of %s were not read: %s", resource.name, order, why)
    been_read.add(resource.name)


def _for_good(error: Exception) -> bool:
    if isinstance(error, PandabaseError):
        return not error.retryable
    return isinstance(error, ConfigurationError)


def _read(
    delivery: WebhookDelivery, resource: Resource[Any], while_waiting: Callable[[], None]
) -> None:
    store = delivery.endpoint.store
    for pk in _ids(delivery, resource):
        while_waiting()
        fetch_row(store, resource, pk, delivery_id=str(delivery.pk), while_waiting=while_waiting)
    fill_of_order(store, delivery.order_id)


def _resource_of(event: str) -> Resource[Any] | None:
    if event == "PAYMENT_REFUNDED":
        return REFUNDS
    return DISPUTES if event.startswith("PAYMENT_DISPUTE") else None


def _ids(delivery: WebhookDelivery, resource: Resource[Any]) -> list[str]:
    order_id, store = delivery.order_id, delivery.endpoint.store
    if resource is DISPUTES and delivery.event != "PAYMENT_DISPUTED":
        known = Dispute.objects.filter(order_id=order_id, store=store)
        if ids := list(known.values_list("pk", flat=True)):
            return ids
    with client_for(store, hurried=True) as client:
        return [found.id for found in _listed(client, order_id, resource) if found.id]


def _listed(
    client: Client, order_id: str, resource: Resource[Any]
) -> Iterable[schemas.Refund | schemas.Dispute]:
    if resource is REFUNDS:
        return client.orders.refunds(order_id)
    newest = client.disputes.list(limit=NEWEST_DISPUTES, sort="desc")
    return [found for found in newest.items if found.order_id == order_id]
