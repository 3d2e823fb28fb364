"""Coupons: codes that make a checkout cheaper."""

from __future__ import annotations

from pandabase_django.sandbox.seed.identity import Identities
from pandabase_django.sandbox.seed.timeline import DAY_MS, START_MS, iso
from pandabase_django.sandbox.store.held import Item
from pandabase_django.sandbox.store.shapes import Json

__all__ = ["SEEDED_COUPONS", "new_coupon"]

SEEDED_COUPONS: tuple[Json, ...] = (
    {"code": "WELCOME10", "type": "PERCENTAGE", "value": 10, "displayName": "Welcome"},
    {"code": "FRIENDS10", "type": "PERCENTAGE", "value": 10, "firstPurchaseOnly": True},
    {"code": "HALF", "type": "PERCENTAGE", "value": 50},
    {"code": "GIFT", "type": "PERCENTAGE", "value": 100},
    {
        "code": "FIVER",
        "type": "FIXED",
        "value": 500,
        "minimumPurchase": 1_000,
        "maxUses": 50,
        "timesUsed": 3,
    },
    {"code": "SPRING", "type": "FIXED", "value": 100, "expiresAt": iso(START_MS + 90 * DAY_MS)},
    {"code": "LATER", "type": "FIXED", "value": 200, "startsAt": iso(START_MS), "enabled": False},
)


def new_coupon(ids: Identities, index: int, body: Json, *, at_ms: int, updated_ms: int) -> Item:
    """A coupon of what a body says of it."""
    payload = {
        "id": ids.make("coupon", index),
        "displayName": None,
        "description": None,
        "minimumPurchase": None,
        "maxUses": None,
        "maxUsesPerCustomer": None,
        "firstPurchaseOnly": False,
        "startsAt": None,
        "expiresAt": None,
        "enabled": True,
        "timesUsed": 0,
        "productIds": [],
        "createdAt": iso(at_ms),
        "updatedAt": iso(updated_ms),
        **body,
    }
    return Item(payload, created_ms=at_ms, updated_ms=updated_ms)
