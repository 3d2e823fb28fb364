"""Found by its name alone."""

from __future__ import annotations

from pandabase_django.events import Event, on_event


@on_event("PAYMENT_COMPLETED")
def hand_out_key(event: Event) -> None:
    """What it does is of no interest here."""
