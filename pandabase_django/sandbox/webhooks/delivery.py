"""One delivery: an event on its way to one endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field

from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import Event

__all__ = ["Delivery"]


@dataclass
class Delivery:
    """A delivery with its attempts so far."""

    number: int
    event: Event
    webhook_index: int
    webhook_id: str
    body: bytes = field(repr=False)
    state: str = "WAITING"
    """WAITING, DELIVERED, GIVEN_UP after the last attempt, or DROPPED: the endpoint is gone,
    disabled, or on another machine."""
    attempts: list[Json] = field(default_factory=list)
    due_at: float = 0.0
    """Seconds since 1970, with the time that was let pass."""
