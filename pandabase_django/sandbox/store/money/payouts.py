"""Payouts: money that left the balance for the store's bank."""

from __future__ import annotations

from pandabase_django.sandbox.seed.identity import Identities
from pandabase_django.sandbox.seed.timeline import iso
from pandabase_django.sandbox.store.held import Item

__all__ = ["PAYOUT_FEE", "new_payout"]

PAYOUT_FEE = 250


def new_payout(
    ids: Identities, index: int, *, amount: int, at_ms: int, status: str = "COMPLETED"
) -> Item:
    """A payout of so many cents."""
    payload = {
        "id": ids.make("payout", index),
        "amount": amount,
        "fee": PAYOUT_FEE,
        "status": status,
        "referenceId": f"obp_{index:024d}",
        "payoutMethod": {
            "id": ids.make("bank_account", 0),
            "isPrimary": True,
            "status": "APPROVED",
        },
        "createdAt": iso(at_ms),
        "updatedAt": iso(at_ms + 68_000),
    }
    return Item(payload, created_ms=at_ms, updated_ms=at_ms + 68_000)
