"""Orders in both forms, and the movements of money that tell of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from pandabase_django.api.reading import Fields, digest_of
from pandabase_django.api.schemas.base import Parsed, children

__all__ = [
    "BillingAddress",
    "Customer",
    "Dispute",
    "LedgerEntry",
    "Order",
    "OrderItem",
    "OrderRow",
    "OrderSummary",
    "Payment",
    "Refund",
]


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as an order names it."""

    id: str
    email: str | None

    @classmethod
    def within(cls, parent: Fields) -> Customer | None:
        """The customer of an order; None when it names none."""
        data = parent.object("customer")
        if data is None:
            return None
        f = Fields(data, kind="customer")
        identifier = f.reference("id")
        email = f.text("email")
        parent.warnings.extend(f"customer: {text}" for text in f.warnings)
        return cls(id=identifier, email=email) if identifier else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSummary(Parsed):
    """An order as lists show it (Source: P-21). ``amount_minor`` is in minor units."""

    id: str
    order_number: str | None
    status: str | None
    amount_minor: int | None
    currency: str | None
    discount_code: str | None
    customer: Customer | None
    payment_status: str | None
    total_minor: int | None
    created_at: datetime | None

    @classmethod
    def from_json(cls, data: object) -> OrderSummary:
        f = Fields(data, kind="order")
        identifier = f.identifier(kind="order")
        payment = Fields(f.object("payment") or {}, kind="payment")
        status = payment.text("status")
        total = payment.integer("totalAmount")
        f.warnings.extend(f"payment: {text}" for text in payment.warnings)
        return cls(
            id=identifier,
            order_number=f.text("orderNumber"),
            status=f.text("status"),
            amount_minor=f.integer("amount"),
            currency=f.text("currency"),
            discount_code=f.text("discountCode"),
            customer=Customer.within(f),
            payment_status=status,
            total_minor=total,
            created_at=f.time("createdAt"),
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )

    def agrees_with(self, order: Order) -> bool:
        """Whether the detail form tells the same money and status; what one leaves out is no no."""
        payment = order.payment
        told = (
            (self.status, order.status),
            (self.amount_minor, order.amount_minor),
            (self.currency, order.currency),
            (self.payment_status, payment.status if payment else None),
            (self.total_minor, payment.total_amount_minor if payment else None),
        )
        return all(None in pair or pair[0] == pair[1] for pair in told)


@dataclass(frozen=True)
class OrderRow:
    """An order of a list, read as far as it takes to tell whether anything changed.

    Of a million rows of a second pass a handful have changed; reading the others whole would be
    most of the work. What is asked for is computed once.
    """

    id: str
    status: str | None
    payload: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, data: object) -> OrderRow:
        f = Fields(data, kind="order")
        return cls(f.identifier(kind="order"), f.text("status"), f.payload())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the payload, in hex."""
        return digest_of(self.payload)

    @cached_property
    def summary(self) -> OrderSummary:
        """The whole of it, with a warning for each value that could not be read."""
        return OrderSummary.from_json(self.payload)

    @property
    def created_at(self) -> datetime | None:
        return Fields(self.payload, kind="order").time("createdAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItem(Parsed):
    """A line of an order; the price is that of one piece, in minor units."""

    id: str | None
    product_id: str | None
    variant_id: str | None
    name: str | None
    quantity: int | None
    price_minor: int | None

    @classmethod
    def from_json(cls, data: object) -> OrderItem:
        f = Fields(data, kind="line item")
        return cls(
            id=f.reference("id"),
            product_id=f.reference("productId"),
            variant_id=f.reference("variantId"),
            name=f.text("name"),
            quantity=f.integer("quantity"),
            price_minor=f.integer("price"),
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )


@dataclass(frozen=True, slots=True)
class Payment:
    """The payment of an order in its detail form. Amounts are minor units."""

    id: str | None
    status: str | None
    total_amount_minor: int | None
    tax_amount_minor: int | None
    discount_amount_minor: int | None
    platform_fee_amount_minor: int | None
    psp_fee_amount_minor: int | None
    settled_amount_minor: int | None
    method_type: str | None
    card_brand: str | None
    card_last_four: str | None

    @classmethod
    def within(cls, parent: Fields) -> Payment | None:
        """The payment of an order; None when it has none."""
        data = parent.object("payment")
        if data is None:
            return None
        f = Fields(data, kind="payment")
        method = Fields(f.object("paymentMethod") or {}, kind="payment method")
        payment = cls(
            id=f.reference("id"),
            status=f.text("status"),
            total_amount_minor=f.integer("totalAmount"),
            tax_amount_minor=f.integer("taxAmount"),
            discount_amount_minor=f.integer("discountAmount"),
            platform_fee_amount_minor=f.integer("platformFeeAmount"),
            psp_fee_amount_minor=f.integer("pspFeeAmount"),
            settled_amount_minor=f.integer("settledAmount"),
            method_type=method.text("type"),
            card_brand=method.text("cardBrand"),
            card_last_four=method.text("cardLastFour"),
        )
        parent.warnings.extend(f"payment: {text}" for text in (*f.warnings, *method.warnings))
        return payment


@dataclass(frozen=True, slots=True)
class BillingAddress:
    """The billing address of an order."""

    line1: str | None
    line2: str | None
    city: str | None
    state: str | None
    postal_code: str | None
    country: str | None

    @classmethod
    def within(cls, parent: Fields) -> BillingAddress | None:
        """The address of an order; None when it has none."""
        data = parent.object("billingAddress")
        if data is None:
            return None
        f = Fields(data, kind="billing address")
        address = cls(
            line1=f.text("addressLine1"),
            line2=f.text("addressLine2"),
            city=f.text("city"),
            state=f.text("state"),
            postal_code=f.text("postalCode"),
            country=f.text("country"),
        )
        parent.warnings.extend(f"billingAddress: {text}" for text in f.warnings)
        return address


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Parsed):
    """An order in its detail form (Source: P-21); ``items`` is None when it does not say."""

    id: str
    order_number: str | None
    status: str | None
    amount_minor: int | None
    currency: str | None
    discount_code: str | None
    customer: Customer | None
    payment: Payment | None
    billing_address: BillingAddress | None
    items: tuple[OrderItem, ...] | None
    presentment_currency: str | None
    presentment_amount_minor: int | None
    exchange_rate: str | None
    created_at: datetime | None
    updated_at: datetime | None

    @classmethod
    def from_json(cls, data: object) -> Order:
        f = Fields(data, kind="order")
        identifier = f.identifier(kind="order")
        return cls(
            id=identifier,
            order_number=f.text("orderNumber"),
            status=f.text("status"),
            amount_minor=f.integer("amount"),
            currency=f.text("currency"),
            discount_code=f.text("discountCode"),
            customer=Customer.within(f),
            payment=Payment.within(f),
            billing_address=BillingAddress.within(f),
            items=children(f, "items", OrderItem.from_json),
            presentment_currency=f.text("presentmentCurrency"),
            presentment_amount_minor=f.integer("presentmentAmount"),
            exchange_rate=f.text("exchangeRate"),
            created_at=f.time("createdAt"),
            updated_at=f.time("updatedAt"),
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Movement(Parsed):
    id: str
    order_id: str | None
    status: str | None
    amount_minor: int | None
    created_at: datetime | None


class Refund(_Movement):
    """A refund, with the order it belongs to (Source: P-23)."""

    __slots__ = ()

    @classmethod
    def from_json(cls, data: object) -> Refund:
        return cls(**_movement(data, "refund"))


class Dispute(_Movement):
    """A dispute, with the order it belongs to (Source: P-23)."""

    __slots__ = ()

    @classmethod
    def from_json(cls, data: object) -> Dispute:
        return cls(**_movement(data, "dispute"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry(Parsed):
    """A movement of money; it names a payment rather than an order (Source: P-23)."""

    id: str
    type: str | None
    amount_minor: int | None
    reference_id: str | None
    created_at: datetime | None

    @classmethod
    def from_json(cls, data: object) -> LedgerEntry:
        f = Fields(data, kind="ledger entry")
        return cls(
            id=f.identifier(kind="ledger entry"),
            type=f.text("type"),
            amount_minor=f.integer("amount"),
            reference_id=f.reference("referenceId"),
            created_at=f.time("createdAt"),
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )


def _movement(data: object, kind: str) -> dict[str, Any]:
    f = Fields(data, kind=kind)
    order = Fields(f.object("order") or {}, kind="order")
    return {
        "id": f.identifier(kind=kind),
        "order_id": order.reference("id") or f.reference("orderId"),
        "status": f.text("status"),
        "amount_minor": f.integer("amount"),
        "created_at": f.time("createdAt"),
        "payload": f.payload(),
        "warnings": tuple(f.warnings),
    }
