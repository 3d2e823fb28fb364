"""Checkout sessions, and the lines that they are about. Source: P-37."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from pandabase_django.sandbox.store.shapes import Json

__all__ = ["LIFE_MS", "Line", "Session", "new_session_id"]

LIFE_MS = 6 * 3_600_000


@dataclass(frozen=True)
class Line:
    """Something to be paid, at the price that it had when the session was opened."""

    name: str
    amount: int
    """Of one piece, in cents."""
    quantity: int
    currency: str = "USD"
    product_id: str | None = None
    variant_id: str | None = None
    image: str | None = None
    licensed: bool = False
    subscribed: bool = False
    least: int | None = None
    """The buyer names the price, and it is no less; None: the price is fixed."""


@dataclass
class Session:
    """One checkout session."""

    id: str
    body: Json
    """As it was opened with, and found valid."""
    lines: list[Line]
    sums: Json
    """What it costs, as far as its buyer was known when it was opened."""
    created_ms: int
    expires_ms: int
    orders: list[int] = field(default_factory=list)
    """Indexes of the orders that payments made, the newest last."""


def new_session_id() -> str:
    """A random one: a sandbox that is started again must not give an id a second time."""
    return f"cs_{secrets.token_hex(8)}"
