"""Orders in both forms, and what belongs to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from pandabase_django.api.digests import bytes_digest, digest_of, paired
from pandabase_django.api.reading import MAX_ID_CHARACTERS, MAX_TEXT_CHARACTERS, Fields
from pandabase_django.api.schemas.base import Parsed, children, computed_once
from pandabase_django.api.schemas.declared import (
    identifier,
    integer,
    reference,
    shown,
    text,
    time,
)
from pandabase_django.api.wire.decoding import Decoded, RawItem

__all__ = [
    "Customer",
    "Order",
    "OrderItem",
    "OrderRow",
    "OrderSummary",
    "say_the_same",
]

_NOTHING: tuple[Any, ...] = (None, "", {}, [])


def say_the_same(one: Any, other: Any) -> bool:
    """Whether two forms of an object agree in all that both show.

    What one of them leaves out is no contradiction; null is one to a value. Source: P-21.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return all(say_the_same(one[name], other[name]) for name in one.keys() & other.keys())
    if one == other or (one in _NOTHING and other in _NOTHING):
        return True
    if not (isinstance(one, str) and isinstance(other, str)):
        return False
    # The same moment may be written in two ways.
    times = [Fields({"at": text}, kind="value").time("at") for text in (one, other)]
    return times[0] is not None and times[0] == times[1]


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

    @classmethod
    def of_payload(cls, payload: dict[str, Any]) -> Customer | None:
        """The customer in an order's payload, of either form."""
        return cls.within(Fields(payload, kind="order"))


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSummary(Parsed):
    """An order as lists show it (Source: P-21). ``amount_minor`` is in minor units."""

    kind: ClassVar[str] = "order"
    id: str = identifier("order")
    order_number: str | None = text("orderNumber")
    status: str | None = text("status")
    amount_minor: int | None = integer("amount")
    currency: str | None = text("currency")
    discount_code: str | None = text("discountCode")
    customer: Customer | None = shown("customer", read=lambda f, _: Customer.within(f))
    payment_status: str | None = text("payment.status")
    total_minor: int | None = integer("payment.totalAmount")
    created_at: datetime | None = time("createdAt")


class _NamedCustomer(msgspec.Struct):
    id: str | None = None
    email: str | msgspec.UnsetType | None = msgspec.UNSET


class _Head(msgspec.Struct):
    """What every look at a row needs; an order in which this is odd is read whole."""

    id: str
    status: str | None = None
    customer: _NamedCustomer | None = None


_HEAD = msgspec.json.Decoder(_Head)


@dataclass(frozen=True)
class OrderRow:
    """An order of a list, read as far as it takes to see whether anything changed.

    Of a million rows of a second pass a handful have changed; decoding the others would be most of
    the work. What is asked for is computed once.

    Attributes:
        id: Its id.
        status: Its status.
        names: Id and e-mail address of its customer; None when it does not show both.
        bytes_digest: Digest of the bytes; "" when it was decoded at once.
    """

    id: str
    status: str | None
    names: tuple[Any, Any] | None = field(repr=False)
    bytes_digest: str
    _source: RawItem | dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, data: object) -> OrderRow:
        """Read a decoded object, or one that is not decoded yet (``RawItem``)."""
        if isinstance(data, RawItem):
            return cls._from_head(data) or cls.from_json(data.decode().data)
        f = Fields(data, kind="order")
        customer = f.data.get("customer")
        names = None
        if isinstance(customer, dict) and "email" in customer:
            names = (customer.get("id"), customer["email"] or "")
        return cls(f.identifier(kind="order"), f.text("status"), names, "", f.data)

    @classmethod
    def _from_head(cls, item: RawItem) -> OrderRow | None:
        head = item.partly(_HEAD)
        # What is no plain word or name is judged by ``Fields``.
        if head is None or not head.id.isidentifier() or len(head.id) > MAX_ID_CHARACTERS:
            return None
        status, customer, names = head.status, head.customer, None
        if status is not None and len(status) > MAX_TEXT_CHARACTERS:
            return None
        if customer is not None and customer.email is not msgspec.UNSET:
            names = (customer.id, customer.email or "")
        return cls(head.id, status, names, bytes_digest(item.raw), item)

    @computed_once
    def _decoded(self) -> Decoded:
        source = self._source
        return source.decode() if isinstance(source, RawItem) else Decoded(source)

    @property
    def replaced(self) -> tuple[str, ...]:
        """Sentences on numbers that could not be stored; those of a whole page are the page's.

        Raises:
            ProtocolError: It is nested beyond any sense.
        """
        return self._decoded.replaced

    @computed_once
    def payload(self) -> dict[str, Any]:
        """The object as it came, without known secrets.

        Raises:
            ProtocolError: It is nested beyond any sense.
        """
        return Fields(self._decoded.data, kind="order").payload()

    @computed_once
    def digest(self) -> str:
        """SHA-256 of the payload, in hex."""
        return digest_of(self.payload)

    @property
    def digests(self) -> str:
        """What a column keeps of both."""
        return paired(self.digest, self.bytes_digest)

    @computed_once
    def summary(self) -> OrderSummary:
        """The whole of it, with a warning for each value that could not be read."""
        return OrderSummary.from_json(self.payload)

    @property
    def created_at(self) -> datetime | None:
        return Fields(self.payload, kind="order").time("createdAt")

    def names_otherwise(self, customer_id: str | None, email: str | None) -> bool:
        """Whether it shows this customer with another e-mail address."""
        named = self.names
        return named is not None and named[0] == customer_id is not None and named[1] != email


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItem(Parsed):
    """A line of an order; the price is that of one piece, in minor units."""

    kind: ClassVar[str] = "line item"
    id: str | None = reference("id")
    product_id: str | None = reference("productId")
    variant_id: str | None = reference("variantId")
    name: str | None = text("name")
    quantity: int | None = integer("quantity")
    price_minor: int | None = integer("price")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Parsed):
    """An order in its detail form (Source: P-21); ``items`` is None when it does not say."""

    kind: ClassVar[str] = "order"
    id: str = identifier("order")
    order_number: str | None = text("orderNumber")
    status: str | None = text("status")
    amount_minor: int | None = integer("amount")
    currency: str | None = text("currency")
    discount_code: str | None = text("discountCode")
    customer: Customer | None = shown("customer", read=lambda f, _: Customer.within(f))
    items: tuple[OrderItem, ...] | None = shown(
        "items", read=lambda f, name: children(f, name, OrderItem.from_json)
    )
    created_at: datetime | None = time("createdAt")
    updated_at: datetime | None = time("updatedAt")

    payment_id: str | None = reference("payment.id")
    payment_status: str | None = text("payment.status")
    payment_method: str | None = text("payment.paymentMethod.type")
    card_brand: str | None = text("payment.paymentMethod.cardBrand")
    card_last_four: str | None = text("payment.paymentMethod.cardLastFour")
    total_minor: int | None = integer("payment.totalAmount")
    tax_minor: int | None = integer("payment.taxAmount")
    discount_minor: int | None = integer("payment.discountAmount")
    platform_fee_minor: int | None = integer("payment.platformFeeAmount")
    psp_fee_minor: int | None = integer("payment.pspFeeAmount")
    settled_minor: int | None = integer("payment.settledAmount")
    presentment_currency: str | None = text("presentmentCurrency")
    presentment_minor: int | None = integer("presentmentAmount")
    exchange_rate: str | None = text("exchangeRate")

    billing_line1: str | None = text("billingAddress.addressLine1")
    billing_line2: str | None = text("billingAddress.addressLine2")
    billing_city: str | None = text("billingAddress.city")
    billing_state: str | None = text("billingAddress.state")
    billing_postal_code: str | None = text("billingAddress.postalCode")
    billing_country: str | None = text("billingAddress.country")
