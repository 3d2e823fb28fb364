"""How long a refund can be asked for, and a dispute answered (Source: P-46, P-47)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from pandabase_django.models import Dispute, Order

__all__ = [
    "EVIDENCE_WINDOW",
    "GRACE",
    "OPEN_DISPUTES",
    "REFUND_WINDOW",
    "awaits_evidence",
    "evidence_due_at",
    "refundable_until",
]

REFUND_WINDOW = timedelta(days=30)
EVIDENCE_WINDOW = timedelta(days=7)
# Nothing says whether a window begins with the order or its payment, nor which clock counts: within
# a day beyond it the remote decides.
GRACE = timedelta(days=1)

OPEN_DISPUTES = ("AWAITING_REVIEW", "UNDER_REVIEW")


def refundable_until(order: Order) -> datetime | None:
    """When the time for a refund ends; None when the order has no date."""
    return None if order.created_at is None else order.created_at + REFUND_WINDOW


def evidence_due_at(dispute: Dispute) -> datetime | None:
    """When the time for evidence ends; None when the dispute has no date."""
    return None if dispute.created_at is None else dispute.created_at + EVIDENCE_WINDOW


def awaits_evidence(dispute: Dispute, *, now: datetime | None = None) -> bool:
    """Whether a dispute can still be answered.

    Args:
        dispute: The dispute.
        now: Aware; None is now.
    """
    due = evidence_due_at(dispute)
    return (
        dispute.gone_at is None
        and dispute.status == "AWAITING_REVIEW"
        and (due is None or due + GRACE >= (now or timezone.now()))
    )
