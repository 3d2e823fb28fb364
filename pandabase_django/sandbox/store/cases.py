"""Support cases and what was written in them."""

from __future__ import annotations

from typing import ClassVar

from pandabase_django.sandbox.seed.cases import SeededCases
from pandabase_django.sandbox.seed.identity import RUNTIME_BASE, Identities
from pandabase_django.sandbox.seed.timeline import iso
from pandabase_django.sandbox.store.held import HeldItems, Item
from pandabase_django.sandbox.store.shapes import Json

__all__ = ["Cases"]

_MOST_SEEDED = 12


class Cases:
    """The cases of a store. Source: P-60."""

    KEPT: ClassVar[tuple[str, ...]] = ("written", "made")

    def __init__(self, *, orders: int, seed: SeededCases, ids: Identities) -> None:
        self.held = HeldItems(seeded_count=min(_MOST_SEEDED, orders // 50), seeded=self._seeded)
        self.written: dict[int, list[Json]] = {}
        """Messages of the cases in which a run has written, by the index of the case."""
        self._seed = seed
        self._ids = ids
        self.made = 0
        """Messages that a run has written."""

    def messages(self, index: int) -> list[Json]:
        """All messages of a case, the oldest first. Not for changing."""
        if index in self.written:
            return self.written[index]
        return self._seed.messages(index) if index < self.held.seeded_count else []

    def write(
        self, index: int, *, sender: str, sender_id: str | None, body: Json, at_ms: int
    ) -> Json:
        """Add a message, and note it in its case.

        Raises:
            LookupError: There is no such case.
        """
        case, at = self.held.touch(index).payload, iso(at_ms)
        message = {
            "id": self._ids.make("message", RUNTIME_BASE + self.made),
            "senderType": sender,
            "senderId": sender_id,
            "body": body["body"],
            "createdAt": at,
            "attachments": list(body.get("attachments", [])),
        }
        self.made += 1
        self.written[index] = [*self.messages(index), message]
        asks = sender == "CUSTOMER"
        case.update(
            status="AWAITING_MERCHANT" if asks else "AWAITING_CUSTOMER",
            lastMessageAt=at,
            lastMessageBy=sender,
            unreadCount=case["unreadCount"] + asks,
            updatedAt=at,
            closedAt=None,
            closedBy=None,
        )
        return message

    def open(
        self, *, order_id: str | None, customer_id: str | None, subject: str, body: str, at_ms: int
    ) -> int:
        """A customer writes for the first time; returns the index of the new case."""
        at = iso(at_ms)

        def make(index: int) -> Item:
            payload: Json = {
                "id": self._ids.make("case", index),
                "subject": subject,
                "status": "OPEN",
                "priority": "NORMAL",
                "orderId": order_id,
                "customerId": customer_id,
                "lastMessageAt": at,
                "lastMessageBy": "CUSTOMER",
                "unreadCount": 0,
                "escalated": False,
                "closedAt": None,
                "closedBy": None,
                "createdAt": at,
                "updatedAt": at,
            }
            return Item(payload, created_ms=at_ms, updated_ms=at_ms)

        index = self.held.add(make)
        self.write(
            index, sender="CUSTOMER", sender_id=customer_id, body={"body": body}, at_ms=at_ms
        )
        self.held.touch(index).payload["status"] = "OPEN"
        return index

    def _seeded(self, index: int) -> Item:
        created_ms = self._seed.created_ms(index)
        return Item(self._seed.case(index), created_ms=created_ms, updated_ms=created_ms)
