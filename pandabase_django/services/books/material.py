"""What a month is closed from: plain values of the rows, and what is known to be missing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from pandabase_django.services.books.month import Month

__all__ = ["UNDATED", "Claim", "Entry", "Material", "PaidOut", "Reason", "Sale"]


UNDATED = datetime(1, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the ledger. Amounts are minor units; None could not be read.

    One whose time could not be read has ``UNDATED``.
    """

    id: str
    type: str
    amount_minor: int | None
    balance_minor: int | None
    currency: str
    reference_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Sale:
    """An order and its payment."""

    id: str
    number: str
    payment_id: str
    status: str
    amount_minor: int | None
    total_minor: int | None
    settled_minor: int | None
    created_at: datetime | None
    updated_at: datetime | None = None

    @property
    def amounts(self) -> set[int]:
        """What may be booked for it: which of these is not documented (Source: P-57)."""
        found = (self.settled_minor, self.total_minor, self.amount_minor)
        return {amount for amount in found if amount is not None}

    @property
    def is_paid(self) -> bool:
        """Whether money came for it, whatever became of that."""
        return self.status in ("COMPLETED", "REFUNDED", "CHARGEBACK") and self.total_minor != 0


@dataclass(frozen=True, slots=True)
class Claim:
    """A refund or a dispute: somebody asks for an order's money."""

    id: str
    order_id: str
    status: str
    amount_minor: int | None
    fee_minor: int | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class PaidOut:
    """A payout."""

    id: str
    status: str
    amount_minor: int | None
    fee_minor: int | None
    created_at: datetime | None
    is_gone: bool
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a month can't be said to be equal.

    Attributes:
        code: ``not over``, ``never read``, ``closed``, ``too old``, ``in part``, ``unread``,
            ``undated`` or ``not detailed``.
        resource: What it is about.
        at: When it was read last, if ever.
        count: How many rows it is about.
        ids: The first of them.
    """

    code: str
    resource: str = ""
    at: datetime | None = None
    count: int = 0
    ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Material:
    """All that is needed to close one month of one store.

    Attributes:
        store_id: The store.
        month: The month.
        before: The newest entries from before it, in any order.
        entries: Those of the month.
        others: Other entries of the same orders and payouts: of other times, or undated.
        begins_at: When the ledger's first entry was made: what is older is not in it.
        sales: Orders of the month, and those that entries, refunds or disputes name.
        refunds: Of these orders, and of the month; disputes and payouts alike.
        disputes: See ``refunds``.
        payouts: See ``refunds``.
        reasons: What is missing here.
        unsure: Resources that are not known to be complete: nothing is found wrong by them.
        booked_until: What changed by then is in the ledger, if it is ever booked; None: all is.
        ledger_read_at: When the ledger was read last.
    """

    store_id: str
    month: Month
    before: Sequence[Entry]
    entries: Sequence[Entry]
    others: Sequence[Entry]
    begins_at: datetime | None
    sales: Sequence[Sale]
    refunds: Sequence[Claim]
    disputes: Sequence[Claim]
    payouts: Sequence[PaidOut]
    reasons: Sequence[Reason] = ()
    unsure: Collection[str] = frozenset()
    booked_until: datetime | None = None
    ledger_read_at: datetime | None = None

    @property
    def has_gaps(self) -> bool:
        """Whether entries may be missing between those that are here."""
        gaps = ("never read", "unread", "in part")
        return any(r.resource == "ledger" and r.code in gaps for r in self.reasons)
