"""What moves money beside orders: refunds, disputes, the ledger, payouts; and reports of all that.

Amounts are minor units (Source: P-25). ``currency`` is None wherever the answer names none: lists
of refunds and disputes leave it to the order, the ledger and payouts to the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from pandabase_django.api.digests import digest_of
from pandabase_django.api.schemas.base import Parsed, children, texts
from pandabase_django.api.schemas.declared import (
    boolean,
    identifier,
    integer,
    reference,
    shown,
    text,
    time,
)

__all__ = [
    "BankAccount",
    "CountrySales",
    "Dispute",
    "GrossVolume",
    "LedgerEntry",
    "Overview",
    "Payment",
    "Payout",
    "Refund",
    "Report",
    "ReportDownload",
    "VolumePoint",
]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount(Parsed):
    """An account that payouts go to."""

    kind: ClassVar[str] = "bank account"
    id: str = identifier("bank account")
    is_primary: bool | None = boolean("isPrimary")
    status: str | None = text("status")
    bank_name: str | None = text("bankName")
    last4: str | None = text("last4")
    country: str | None = text("country")
    created_at: datetime | None = time("createdAt")
    updated_at: datetime | None = time("updatedAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(Parsed):
    """The payment of an order. Lists show neither taxes and fees nor ``updated_at``.

    Attributes:
        method: Its kind, such as ``card``.
        currency: Of the order.
        settled_minor: What the store gets of it.
    """

    kind: ClassVar[str] = "payment"
    id: str = identifier("payment")
    reference_id: str | None = text("referenceId")
    status: str | None = text("status")
    amount_minor: int | None = integer("amount")
    total_minor: int | None = integer("totalAmount")
    discount_minor: int | None = integer("discountAmount")
    tax_minor: int | None = integer("taxAmount")
    settled_minor: int | None = integer("settledAmount")
    currency: str | None = text("order.currency")
    method: str | None = text("paymentMethod.type")
    coupon_code: str | None = text("couponCode")
    country: str | None = text("country")
    order_id: str | None = reference("order.id")
    customer_id: str | None = reference("customer.id")
    created_at: datetime | None = time("createdAt")
    updated_at: datetime | None = time("updatedAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview(Parsed):
    """What a store sold in a period.

    Attributes:
        refunded: How many orders were refunded.
        disputes: How many disputes there were.
    """

    kind: ClassVar[str] = "overview"
    gross_volume_minor: int | None = integer("grossVolume")
    net_volume_minor: int | None = integer("netVolume")
    orders: int | None = integer("orders")
    customers: int | None = integer("customers")
    refunded: int | None = integer("refunded")
    disputes: int | None = integer("disputes")
    period_from: datetime | None = time("period.from")
    period_to: datetime | None = time("period.to")


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumePoint(Parsed):
    """The gross volume of one day or hour, ``date`` as the remote writes it."""

    kind: ClassVar[str] = "point of a series"
    date: str | None = text("date")
    amount_minor: int | None = integer("amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class GrossVolume(Parsed):
    """The gross volume over time; ``series`` is None when the answer has none."""

    kind: ClassVar[str] = "gross volume"
    series: tuple[VolumePoint, ...] | None = shown(
        "series", read=lambda f, name: children(f, name, VolumePoint.from_json)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CountrySales(Parsed):
    """What was sold to one country."""

    kind: ClassVar[str] = "country's sales"
    country: str | None = text("country")
    orders: int | None = integer("orders")
    amount_minor: int | None = integer("amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Parsed):
    """A report that was asked for (Source: P-54)."""

    kind: ClassVar[str] = "report"
    id: str = identifier("report")
    type: str | None = text("type")
    status: str | None = text("status")
    formats: tuple[str, ...] | None = shown("formats", read=texts)
    period_start: datetime | None = time("periodStart")
    period_end: datetime | None = time("periodEnd")
    row_count: int | None = integer("rowCount")
    size_bytes: int | None = integer("sizeBytes")
    error_message: str | None = text("errorMessage")
    requested_by_token_id: str | None = reference("requestedByTokenId")
    started_at: datetime | None = time("startedAt")
    completed_at: datetime | None = time("completedAt")
    created_at: datetime | None = time("createdAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDownload(Parsed):
    """Where a report can be downloaded for five minutes, by whoever knows the address."""

    kind: ClassVar[str] = "download"
    url: str | None = shown("url", read="address")

    def __repr__(self) -> str:
        return "<ReportDownload ••••>"
