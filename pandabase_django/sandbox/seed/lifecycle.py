"""Which seeded order has which status, by a periodic pattern.

Counting the orders of a status, or finding the n-th of them, is then arithmetic even for a
million orders. Only the newest orders can be unfinished, as in a real store.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

__all__ = [
    "DISPUTE_STATUSES",
    "ORDER_STATUSES",
    "PAYMENT_STATUSES",
    "RECENT_ORDERS",
    "REFUND_STATUSES",
    "Lifecycle",
    "Selection",
    "Slot",
    "payment_status",
]

ORDER_STATUSES = (
    "PENDING",
    "PROCESSING",
    "COMPLETED",
    "CANCELLED",
    "FAILED",
    "REFUNDED",
    "CHARGEBACK",
)
PAYMENT_STATUSES = ("PENDING", "PROCESSING", "COMPLETED", "REFUNDED", "DISPUTED", "FAILED")
REFUND_STATUSES = ("PROCESSING", "COMPLETED", "FAILED")
DISPUTE_STATUSES = ("AWAITING_REVIEW", "UNDER_REVIEW", "WON", "LOST", "PREVENTED")

RECENT_ORDERS = 500
"""How many of the newest seeded orders follow the recent pattern."""


@dataclass(frozen=True)
class Slot:
    """What the pattern says of an order."""

    status: str
    dispute: str | None = None


_DONE = Slot("COMPLETED")
_WON = Slot("COMPLETED", "WON")
_OLD_EXCEPTIONS = {
    3: Slot("FAILED"),
    7: Slot("CANCELLED"),
    11: Slot("REFUNDED"),
    19: Slot("FAILED"),
    23: Slot("CANCELLED"),
    29: Slot("CHARGEBACK", "LOST"),
    33: Slot("FAILED"),
    37: Slot("REFUNDED"),
    41: Slot("CANCELLED"),
    45: _WON,
}
_RECENT_EXCEPTIONS = {
    2: Slot("PENDING"),
    4: Slot("REFUNDED"),
    6: Slot("PROCESSING"),
    8: Slot("CHARGEBACK", "AWAITING_REVIEW"),
    10: Slot("CANCELLED"),
    12: Slot("FAILED"),
    14: _WON,
    16: Slot("PENDING"),
    18: Slot("REFUNDED"),
    20: Slot("PROCESSING"),
    22: Slot("CHARGEBACK", "UNDER_REVIEW"),
}
_OLD = tuple(_OLD_EXCEPTIONS.get(position, _DONE) for position in range(50))
_RECENT = tuple(_RECENT_EXCEPTIONS.get(position, _DONE) for position in range(25))

_PAYMENT_OF_ORDER = {
    "PENDING": "PENDING",
    "PROCESSING": "PROCESSING",
    "COMPLETED": "COMPLETED",
    "FAILED": "FAILED",
    "REFUNDED": "REFUNDED",
    "CHARGEBACK": "DISPUTED",
}


def payment_status(order_status: str) -> str | None:
    """Status of the payment of an order; None when nothing was ever paid (CANCELLED)."""
    return _PAYMENT_OF_ORDER.get(order_status)


class Selection:
    """The seeded orders whose slot matches, in order of creation."""

    def __init__(self, *, total: int, recent_from: int, wanted: Callable[[Slot], bool]) -> None:
        self._recent_from = recent_from
        self._old = [position for position, slot in enumerate(_OLD) if wanted(slot)]
        self._recent = [position for position, slot in enumerate(_RECENT) if wanted(slot)]
        self._old_count = _members_before(self._old, period=len(_OLD), limit=recent_from)
        self.count = self.rank_of(total)

    def rank_of(self, index: int) -> int:
        """How many members have a smaller index."""
        if index <= self._recent_from:
            return _members_before(self._old, period=len(_OLD), limit=index)
        return self._old_count + _members_before(
            self._recent, period=len(_RECENT), limit=index - self._recent_from
        )

    def at(self, rank: int) -> int:
        """The index of the member at a rank."""
        if rank < self._old_count:
            turns, position = divmod(rank, len(self._old))
            return turns * len(_OLD) + self._old[position]
        turns, position = divmod(rank - self._old_count, len(self._recent))
        return self._recent_from + turns * len(_RECENT) + self._recent[position]


def _members_before(positions: list[int], *, period: int, limit: int) -> int:
    turns, rest = divmod(limit, period)
    return turns * len(positions) + bisect_left(positions, rest)


class Lifecycle:
    """The statuses of ``total`` seeded orders."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.recent_from = max(0, total - RECENT_ORDERS)

    def slot(self, index: int) -> Slot:
        """What the pattern says of a seeded order."""
        if index < self.recent_from:
            return _OLD[index % len(_OLD)]
        return _RECENT[(index - self.recent_from) % len(_RECENT)]

    def select(self, wanted: Callable[[Slot], bool]) -> Selection:
        """The seeded orders whose slot matches."""
        return Selection(total=self.total, recent_from=self.recent_from, wanted=wanted)
