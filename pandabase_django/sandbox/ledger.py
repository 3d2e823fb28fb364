"""The balance ledger: every movement of money, with the balance after it.

Movements of old orders are summed up in one opening balance, so that a million orders need not be
added up to show the first page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pandabase_django.sandbox.sales import DISPUTE_DELAY_MS, REFUND_DELAY_MS
from pandabase_django.sandbox.shapes import Json
from pandabase_django.sandbox.timeline import START_MS, iso

if TYPE_CHECKING:
    from pandabase_django.sandbox.state import StoreState

__all__ = ["LEDGER_TYPES", "Ledger"]

LEDGER_TYPES = (
    "OPENING_BALANCE",
    "PAYMENT_RECEIVED",
    "REFUND_INSTANT",
    "REFUND_ASYNC",
    "REFUND_EXTERNAL",
    "DISPUTE_CREATED",
    "DISPUTE_WON",
    "PAYOUT",
)

_OPENING_PER_ORDER = 1_900
"""Cents that every order summed up in the opening balance is said to have brought."""


class Ledger:
    """Movements in the order they were booked; only ever grows."""

    def __init__(self, state: StoreState) -> None:
        self._state = state
        self._entries: list[Json] | None = None

    @property
    def entries(self) -> list[Json]:
        """All movements, oldest first."""
        if self._entries is None:
            self._entries = []
            self._book_recent_orders()
        return self._entries

    @property
    def balance(self) -> int:
        """Cents now in the balance."""
        balance: int = self.entries[-1]["runningBalance"]
        return balance

    def book(
        self, kind: str, *, amount: int, reference_id: str, description: str, at_ms: int
    ) -> None:
        """Add a movement; money that leaves is negative."""
        entries = self.entries
        entries.append(
            {
                "id": self._state.ids.make("entry", len(entries)),
                "type": kind,
                "amount": amount,
                "runningBalance": (entries[-1]["runningBalance"] if entries else 0) + amount,
                "referenceId": reference_id,
                "description": description,
                "createdAt": iso(at_ms),
            }
        )

    def _book_recent_orders(self) -> None:
        state = self._state
        first = state.lifecycle.recent_from
        self.book(
            "OPENING_BALANCE",
            amount=first * _OPENING_PER_ORDER,
            reference_id=state.store_id,
            description="Balance carried forward",
            at_ms=state.timeline.created_ms(first) if state.lifecycle.total else START_MS,
        )
        movements = []
        for index in range(first, state.lifecycle.total):
            order = state.order_seed(index)
            payment = order["payment"]
            if payment is None or order["status"] in ("PENDING", "PROCESSING", "FAILED"):
                continue
            created_ms = state.timeline.created_ms(index)
            number, settled = order["orderNumber"], payment["settledAmount"]
            movements.append((created_ms, index, "PAYMENT_RECEIVED", settled, number))
            if order["status"] == "REFUNDED":
                at_ms = created_ms + REFUND_DELAY_MS
                movements.append((at_ms, index, "REFUND_INSTANT", -settled, number))
            dispute = state.lifecycle.slot(index).dispute
            if dispute is not None:
                at_ms = created_ms + DISPUTE_DELAY_MS
                movements.append((at_ms, index, "DISPUTE_CREATED", -settled, number))
            if dispute == "WON":
                movements.append((at_ms, index, "DISPUTE_WON", settled, number))
        for at_ms, index, kind, amount, number in sorted(movements):
            self.book(
                kind,
                amount=amount,
                reference_id=state.ids.make("payment", index),
                description=f"{kind.replace('_', ' ').capitalize()}: order {number}",
                at_ms=at_ms,
            )
