"""The shop's handler of a message; the demo's shop has those of facts."""

from __future__ import annotations

from matrix_shop.models import Call
from pandabase_django.events import Event, on_event


@on_event("PAYMENT_REFUNDED")
def note_refund(event: Event) -> None:
    """Note that it was called."""
    Call.objects.create(event_id=event.id, order_id=event.order_id)
