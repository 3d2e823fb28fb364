"""The shop's handler of every message but refunds, which the matrix's shop notes."""

from __future__ import annotations

from matrix_shop.models import Call

from pandabase_django.api.webhooks.payload import EVENT_TYPES
from pandabase_django.events import Event, on_event


@on_event(*(name for name in EVENT_TYPES if name != "PAYMENT_REFUNDED"))
def note(event: Event) -> None:
    """Note that it was called."""
    Call.objects.create(event_id=event.id, order_id=event.order_id)
