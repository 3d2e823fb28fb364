"""Seeded subscriptions, each computed from its index alone, and how each new one begins."""

from __future__ import annotations

from typing import Any

from pandabase_django.sandbox.seed.catalog import Catalogue
from pandabase_django.sandbox.seed.customers import People
from pandabase_django.sandbox.seed.identity import Identities
from pandabase_django.sandbox.seed.timeline import DAY_MS, EPOCH_MS, iso

__all__ = ["INTERVALS_MS", "SUBSCRIPTION_STATUSES", "Subscribed"]

SUBSCRIPTION_STATUSES = ("TRIALING", "ACTIVE", "PAST_DUE", "PAUSED", "CANCELLED")
INTERVALS_MS = {"WEEKLY": 7 * DAY_MS, "MONTHLY": 30 * DAY_MS, "YEARLY": 365 * DAY_MS}
_INTERVALS = ("MONTHLY", "YEARLY", "MONTHLY", "WEEKLY")
_SEEDED = ("ACTIVE", "TRIALING", "ACTIVE", "PAST_DUE", "PAUSED", "CANCELLED", "ACTIVE", "CANCELLED")


class Subscribed:
    """The subscriptions of a store. Source: P-48."""

    def __init__(self, *, catalogue: Catalogue, people: People, ids: Identities) -> None:
        self._catalogue = catalogue
        self._people = people
        self._ids = ids

    def seeded(self, index: int, *, created_ms: int) -> dict[str, Any]:
        """A seeded subscription; its period is the one in which seeded history ends."""
        status, interval = _SEEDED[index % len(_SEEDED)], _INTERVALS[index % len(_INTERVALS)]
        began_ms = EPOCH_MS - (index % 5 + 1) * DAY_MS
        payload = self.begun(
            index,
            product=index % max(1, self._catalogue.products),
            customer=index % self._people.count,
            interval=interval,
            began_ms=began_ms,
        )
        payload["createdAt"] = iso(created_ms)
        payload["status"] = status
        if status == "TRIALING":
            payload["trialEnd"] = payload["nextChargeAt"] = iso(began_ms + 14 * DAY_MS)
        elif status == "PAST_DUE":
            payload.update(retryCount=1 + index % 3, nextChargeAt=iso(EPOCH_MS + 3 * DAY_MS))
        elif status == "PAUSED":
            payload.update(pausedAt=iso(EPOCH_MS), nextChargeAt=None)
        elif status == "CANCELLED":
            at_once = index % 16 < 8
            ends_at = iso(EPOCH_MS + 7) if at_once else payload["currentPeriodEnd"]
            payload.update(cancelledAt=iso(EPOCH_MS + 7), endsAt=ends_at, nextChargeAt=None)
        return payload

    def begun(
        self, index: int, *, product: int, customer: int, interval: str, began_ms: int
    ) -> dict[str, Any]:
        """An active subscription at the beginning of its first period."""
        priced, quantity = self._catalogue.priced(product), 1 + index % 3
        ends = iso(began_ms + INTERVALS_MS[interval])
        return {
            "id": self._ids.make("subscription", index),
            "status": "ACTIVE",
            "billingInterval": interval,
            "amount": priced.price * quantity,
            "currency": "USD",
            "quantity": quantity,
            "currentPeriodStart": iso(began_ms),
            "currentPeriodEnd": ends,
            "nextChargeAt": ends,
            "trialEnd": None,
            "cancelledAt": None,
            "pausedAt": None,
            "endsAt": None,
            "retryCount": 0,
            "product": {
                "id": self._ids.make("product", product),
                "title": priced.title,
                "price": priced.price,
            },
            "customer": {
                "id": self._ids.make("customer", customer),
                "email": self._people.email(customer),
            },
            "paymentMethod": {
                "id": f"pmm_{index:024d}",
                "brand": "visa",
                "lastFour": "4242",
                "expMonth": 12,
                "expYear": 2030,
            },
            "createdAt": iso(began_ms),
        }
