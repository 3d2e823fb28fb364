"""What moves money beside orders: refunds, disputes, the ledger and payouts.

Amounts are minor units (Source: P-25). ``currency`` is None wherever the answer names none: lists
of refunds and disputes leave it to the order, the ledger and payouts to the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from pandabase_django.api.digests import digest_of
from pandabase_django.api.schemas.base import Parsed
from pandabase_django.api.schemas.declared import (
    identifier,
    integer,
    reference,
    shown,
    text,
    time,
)

__all__ = ["Dispute", "LedgerEntry", "Payout", "Refund"]

# What only the answer to a GET by id shows of a refund or a dispute.
_OF_THE_DETAIL_FORM = frozenset({"method", "order", "updatedAt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfAnOrder(Parsed):
    """``order`` is the order as it is shown here; lists don't show ``updated_at``."""

    order_id: str | None = reference("order.id", "orderId")
    order: dict[str, Any] = shown("order", read=lambda f, name: f.inside(name).payload())
    status: str | None = text("status")
    reason: str | None = text("reason")
    amount_minor: int | None = integer("amount")
    currency: str | None = text("currency", "order.currency")
    created_at: datetime | None = time("createdAt")
    updated_at: datetime | None = time("updatedAt")

    @property
    def digest(self) -> str:
        """The same for the list form and the detail form, which says more of the order.

        A row is written by whichever form was read; one that was read in the other is unchanged.
        """
        own = {k: v for k, v in self.payload.items() if k not in _OF_THE_DETAIL_FORM}
        return digest_of({**own, "order": self.order_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(_OfAnOrder):
    """A refund, with the order it belongs to (Source: P-23)."""

    kind: ClassVar[str] = "refund"
    id: str = identifier("refund")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute(_OfAnOrder):
    """A dispute, with the order it belongs to (Source: P-23).

    Attributes:
        total_minor: What the customer had paid.
        fee_minor: What the dispute costs.
    """

    kind: ClassVar[str] = "dispute"
    id: str = identifier("dispute")
    total_minor: int | None = integer("totalAmount")
    fee_minor: int | None = integer("fee")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry(Parsed):
    """A movement of money; it names a payment rather than an order (Source: P-23, P-54).

    Attributes:
        amount_minor: Negative for money that leaves.
        balance_minor: The balance after it.
        reference_id: A payment, a payout or the store, by the type.
    """

    kind: ClassVar[str] = "ledger entry"
    id: str = identifier("ledger entry")
    type: str | None = text("type")
    amount_minor: int | None = integer("amount")
    balance_minor: int | None = integer("runningBalance")
    currency: str | None = text("currency")
    reference_id: str | None = reference("referenceId")
    description: str | None = text("description")
    created_at: datetime | None = time("createdAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout(Parsed):
    """Money that was sent to the store's bank (Source: P-54).

    Attributes:
        reference_id: As the bank knows it.
        method_id: The bank account it went to.
    """

    kind: ClassVar[str] = "payout"
    id: str = identifier("payout")
    status: str | None = text("status")
    amount_minor: int | None = integer("amount")
    fee_minor: int | None = integer("fee")
    currency: str | None = text("currency")
    reference_id: str | None = reference("referenceId")
    method_id: str | None = reference("payoutMethod.id")
    created_at: datetime | None = time("createdAt")
    updated_at: datetime | None = time("updatedAt")
