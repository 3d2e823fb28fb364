"""What is kept of events about erased persons: ids, states, amounts, times.

An event may name an order alone, with what was typed into the checkout. That the order is an erased
person's may show only when it is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.db.models import Q

from pandabase_django.models import Order, WebhookDelivery
from pandabase_django.services.erasures.hashes import is_erased
from pandabase_django.services.erasures.scrubbing import identifiers, scrubbed, without_texts

__all__ = ["named_by", "scrub_deliveries", "scrub_deliveries_of", "without_erased"]


def without_erased(store_id: str, kept: dict[str, Any], *, order_id: str) -> dict[str, Any]:
    """An event as it may be kept: of an erased person no address, and nothing that they typed.

    Raises:
        SealError: Somebody was erased, and nobody can be known again.
    """
    named = named_by(store_id, kept, order_id=order_id)
    found: dict[str, Any] = scrubbed(kept) if is_erased(store_id, named) else kept
    return found


def named_by(
    store_id: str, kept: dict[str, Any], *, order_id: str = ""
) -> Iterator[tuple[str, str]]:
    """By what an event or an order names a person, for ``is_erased``."""
    yield from identifiers(kept)
    if order_id:
        yield "id", order_id
        orders = Order.objects.filter(pk=order_id, store=store_id)
        yield from (("id", pk) for pk in orders.values_list("customer", flat=True) if pk)


def scrub_deliveries(deliveries: Iterable[WebhookDelivery]) -> None:
    """Do the same to deliveries that were stored before what they name was read.

    Raises:
        SealError: See ``without_erased``.
    """
    for delivery in deliveries:
        store_id = delivery.endpoint.store_id
        found = without_erased(store_id, delivery.payload, order_id=delivery.order_id)
        if found != delivery.payload:
            delivery.payload = found
            WebhookDelivery.objects.filter(pk=delivery.pk).update(payload=found)


def scrub_deliveries_of(store_id: str, ids: Collection[str]) -> None:
    """Do it to those of these orders and subscriptions, in the caller's transaction."""
    rows = WebhookDelivery.objects.filter(endpoint__store=store_id)
    # Of subscriptions there is no index. It is done once for each.
    named = Q(order_id__in=ids) | Q(payload__data__subscription__id__in=ids)
    for row in rows.filter(named).order_by("pk"):
        row.payload, row.last_error = scrubbed(row.payload), without_texts(row.last_error)
        row.save(update_fields=["payload", "last_error"])
