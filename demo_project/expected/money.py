"""Refunds, disputes, the ledger and payouts."""

from __future__ import annotations

from demo_project.expected.kinds import ABSENCES, OF_HERE, Kind, at, text, time
from pandabase_django.models import Dispute, LedgerEntry, Payout, Refund

__all__ = ["DISPUTES", "LEDGER", "PAYOUTS", "REFUNDS"]

REFUNDS = Kind(
    name="refunds",
    model=Refund,
    dump="refunds",
    sources=lambda objects: objects,
    columns={
        "id": at("id"),
        "order_id": at("order.id"),
        "status": text("status"),
        "reason": text("reason"),
        "amount_minor": at("amount"),
        "currency": text("order.currency"),
        "created_at": time("createdAt"),
    },
    left_out=OF_HERE,
)
DISPUTES = Kind(
    name="disputes",
    model=Dispute,
    dump="disputes",
    sources=lambda objects: objects,
    columns={
        "id": at("id"),
        "order_id": at("order.id"),
        "status": text("status"),
        "reason": text("reason"),
        "amount_minor": at("amount"),
        "total_minor": at("totalAmount"),
        "fee_minor": at("fee"),
        "currency": text("order.currency"),
        "created_at": time("createdAt"),
    },
    left_out=OF_HERE,
)
LEDGER = Kind(
    name="ledger entries",
    model=LedgerEntry,
    dump="ledger",
    sources=lambda objects: objects,
    columns={
        "id": at("id"),
        "type": text("type"),
        "amount_minor": at("amount"),
        "balance_minor": at("runningBalance"),
        "reference_id": text("referenceId"),
        "description": text("description"),
        "created_at": time("createdAt"),
    },
    left_out={**OF_HERE, "currency": "The store's: entries name none."},
)
PAYOUTS = Kind(
    name="payouts",
    model=Payout,
    dump="payouts",
    sources=lambda objects: objects,
    columns={
        "id": at("id"),
        "status": text("status"),
        "amount_minor": at("amount"),
        "fee_minor": at("fee"),
        "reference_id": text("referenceId"),
        "method_id": text("payoutMethod.id"),
        "created_at": time("createdAt"),
        "updated_at": time("updatedAt"),
    },
    left_out={**OF_HERE, **ABSENCES, "currency": "The store's: payouts name none."},
)
