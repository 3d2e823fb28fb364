"""Seeded support cases, each computed from its index alone. Source: P-60."""

from __future__ import annotations

from typing import Any

from pandabase_django.sandbox.seed.customers import People
from pandabase_django.sandbox.seed.identity import Identities
from pandabase_django.sandbox.seed.timeline import Timeline, iso

__all__ = ["CASE_PRIORITIES", "CASE_STATUSES", "SeededCases"]

CASE_STATUSES = ("OPEN", "AWAITING_CUSTOMER", "AWAITING_MERCHANT", "CLOSED")
CASE_PRIORITIES = ("LOW", "NORMAL", "HIGH", "URGENT")

_HOUR_MS = 3_600_000
_SUBJECTS = ("The key does not activate", "Où est ma facture ?", "Download stops at 99 %")


class SeededCases:
    """Customers who wrote about an order of theirs; half of them were answered."""

    def __init__(self, *, ids: Identities, people: People, timeline: Timeline) -> None:
        self._ids = ids
        self._people = people
        self._timeline = timeline

    def created_ms(self, index: int) -> int:
        """An hour after the order that it is about."""
        return self._timeline.created_ms(_order_of(index)) + _HOUR_MS

    def case(self, index: int) -> dict[str, Any]:
        """A seeded case."""
        status = CASE_STATUSES[index % len(CASE_STATUSES)]
        last = self.messages(index)[-1]
        closed = status == "CLOSED"
        return {
            "id": self._ids.make("case", index),
            "subject": _SUBJECTS[index % len(_SUBJECTS)],
            "status": status,
            "priority": CASE_PRIORITIES[(index + 1) % len(CASE_PRIORITIES)],
            "orderId": self._ids.make("order", _order_of(index)),
            "customerId": self._customer(index),
            "lastMessageAt": last["createdAt"],
            "lastMessageBy": last["senderType"],
            "unreadCount": int(last["senderType"] == "CUSTOMER"),
            "escalated": index % 5 == 4,
            "closedAt": last["createdAt"] if closed else None,
            "closedBy": "MERCHANT" if closed else None,
            "createdAt": iso(self.created_ms(index)),
            "updatedAt": last["createdAt"],
        }

    def messages(self, index: int) -> list[dict[str, Any]]:
        """What was written, the oldest first."""
        asked = {
            "id": self._ids.make("message", index * 2),
            "senderType": "CUSTOMER",
            "senderId": self._customer(index),
            "body": f"{_SUBJECTS[index % len(_SUBJECTS)]}. Can you help?",
            "createdAt": iso(self.created_ms(index)),
            "attachments": [],
        }
        if CASE_STATUSES[index % len(CASE_STATUSES)] in ("OPEN", "AWAITING_MERCHANT"):
            return [asked]
        answered = {
            "id": self._ids.make("message", index * 2 + 1),
            "senderType": "MERCHANT",
            "senderId": self._ids.make("token", 0),
            "body": "It should work now.",
            "createdAt": iso(self.created_ms(index) + _HOUR_MS),
            "attachments": [],
        }
        return [asked, answered]

    def _customer(self, index: int) -> str:
        return self._ids.make("customer", self._people.customer_of(_order_of(index)))


def _order_of(index: int) -> int:
    """Each third order has a customer for sure."""
    return index * 3
