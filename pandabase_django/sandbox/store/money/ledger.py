"""The balance ledger: every entry of money, with the balance after it.

Entries of old orders are summed up in one opening balance, so that a million orders need not be
added up to show the first page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pandabase_django.sandbox.seed.identity import Identities
from pandabase_django.sandbox.seed.lifecycle import Lifecycle
from pandabase_django.sandbox.seed.orders import DISPUTE_DELAY_MS, REFUND_DELAY_MS
from pandabase_django.sandbox.seed.timeline import START_MS, Timeline, iso
from pandabase_django.sandbox.store.shapes import Json

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
    """Entries in the order they were booked; only ever grows.

    Args:
        store_id: The store.
        ids: Makes the ids of entries and payments.
        lifecycle: What became of each seeded order.
        timeline: When each seeded order was made.
        order_seed: The detail form of a seeded order as it was at first.
    """

    KEPT: ClassVar[tuple[str, ...]] = ("_entries", "_made")

    def __init__(
        self,
        store_id: str,
        *,
        ids: Identities,
        lifecycle: Lifecycle,
        timeline: Timeline,
        order_seed: Callable[[int], Json],
    ) -> None:
        self._store_id = store_id
        self._ids = ids
        self._lifecycle = lifecycle
        self._timeline = timeline
        self._order_seed = order_seed
        self._entries: list[Json] | None = None
        self._made = 0

    @property
    def entries(self) -> list[Json]:
        """All entries, oldest first."""
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
        """Add an entry; money that leaves is negative."""
        entries = self.entries
        entries.append(
            {
                "id": self._new_id(),
                "type": kind,
                "amount": amount,
                "runningBalance": (entries[-1]["runningBalance"] if entries else 0) + amount,
                "referenceId": reference_id,
                "description": description,
                "createdAt": iso(at_ms),
            }
        )

    def edit(self, change: Json) -> list[str]:
        """A change: the entry of this ``id`` or ``index`` shows these ``fields``."""
        entry = self.entries[self._place_of(change)]
        entry.update(change.get("fields", {}))
        return [entry["id"]]

    def remove(self, change: Json) -> list[str]:
        """A change: the entry is as if it had never been booked; later balances stay."""
        return [self.entries.pop(self._place_of(change))["id"]]

    def repeat(self, change: Json) -> list[str]:
        """A change: the entry is there a second time, under an id of its own.

        With ``balances`` the later ones count it too, as when the remote itself booked it twice.
        """
        place = self._place_of(change)
        entry = self.entries[place]
        again = {**entry, "id": self._new_id()}
        self.entries.insert(place + 1, again)
        if change.get("balances"):
            for later in self.entries[place + 1 :]:
                later["runningBalance"] += entry["amount"]
        return [again["id"]]

    def _new_id(self) -> str:
        self._made += 1
        return self._ids.make("entry", self._made - 1)

    def _place_of(self, change: Json) -> int:
        if "id" in change:
            ids = [entry["id"] for entry in self.entries]
            if change["id"] not in ids:
                raise LookupError(f"no entry has the id {change['id']!r}")
            return ids.index(change["id"])
        self.entries[int(change["index"])]  # or an IndexError, which refuses the change
        return int(change["index"]) % len(self.entries)

    def _book_recent_orders(self) -> None:
        first = self._lifecycle.recent_from
        self.book(
            "OPENING_BALANCE",
            amount=first * _OPENING_PER_ORDER,
            reference_id=self._store_id,
            description="Balance carried forward",
            at_ms=self._timeline.created_ms(first) if self._lifecycle.total else START_MS,
        )
        entries = []
        for index in range(first, self._lifecycle.total):
            order = self._order_seed(index)
            payment = order["payment"]
            if payment is None or order["status"] in ("PENDING", "PROCESSING", "FAILED"):
                continue
            created_ms = self._timeline.created_ms(index)
            number, settled = order["orderNumber"], payment["settledAmount"]
            entries.append((created_ms, index, "PAYMENT_RECEIVED", settled, number))
            if order["status"] == "REFUNDED":
                at_ms = created_ms + REFUND_DELAY_MS
                entries.append((at_ms, index, "REFUND_INSTANT", -settled, number))
            dispute = self._lifecycle.slot(index).dispute
            if dispute is not None:
                at_ms = created_ms + DISPUTE_DELAY_MS
                entries.append((at_ms, index, "DISPUTE_CREATED", -settled, number))
            if dispute == "WON":
                entries.append((at_ms, index, "DISPUTE_WON", settled, number))
        for at_ms, index, kind, amount, number in sorted(entries):
            self.book(
                kind,
                amount=amount,
                reference_id=self._ids.make("payment", index),
                description=f"{kind.replace('_', ' ').capitalize()}: order {number}",
                at_ms=at_ms,
            )
