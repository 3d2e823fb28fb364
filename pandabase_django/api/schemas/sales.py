"""Orders in both forms, and what belongs to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec

from pandabase_django.api.digests import bytes_digest, digest_of, paired
from pandabase_django.api.reading import (
    MAX_ID_CHARACTERS,
    MAX_INTEGER,
    MAX_TEXT_CHARACTERS,
    Fields,
    time_of,
)
from pandabase_django.api.schemas.base import Parsed, children
from pandabase_django.api.schemas.declared import (
    identifier,
    integer,
    reference,
    shown,
    text,
    time,
)
from pandabase_django.api.wire.decoding import decode, partly

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


_Id = Annotated[str, msgspec.Meta(max_length=MAX_ID_CHARACTERS)] | None
_Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT_CHARACTERS)] | None
_Integer = Annotated[int, msgspec.Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)] | None


class _PlainCustomer(msgspec.Struct):
    id: _Id = None
    email: _Text = None


class _PlainPayment(msgspec.Struct, rename="camel"):
    status: _Text = None
    total_amount: _Integer = None


class _Plain(msgspec.Struct, rename="camel"):
    """A summary in which every value is plainly what it should be; others are read leniently.

    A first sync reads nothing else. So it takes a third of the time.
    """

    order_number: _Text = None
    status: _Text = None
    amount: _Integer = None
    currency: _Text = None
    discount_code: _Text = None
    customer: _PlainCustomer | None = None
    payment: _PlainPayment | None = None
    created_at: str | None = None


_HEAD = msgspec.json.Decoder(_Head)
_PLAIN = msgspec.json.Decoder(_Plain)
_NO_CUSTOMER, _NO_PAYMENT = _PlainCustomer(), _PlainPayment()


class OrderRow:
    """An order of a list, read as far as it takes to see whether anything changed.

    Of a million rows of a second pass a handful have changed; decoding the others would be most of
    the work. What is asked for is computed once. A first pass holds thousands of rows at a time, so
    each is as few objects as can be: the garbage collector walks through all of them.

    Attributes:
        id: Its id.
        status: Its status.
        names: Id and e-mail address of its customer; None when it does not show both.
        bytes_digest: Digest of the bytes; "" when it was decoded at once.
    """

    __slots__ = (
        *("_digest", "_payload", "_replaced", "_source", "_summary"),
        *("bytes_digest", "id", "names", "status"),
    )

    def __init__(
        self,
        source: msgspec.Raw | dict[str, Any],
        *,
        id: str,
        status: str | None,
        names: tuple[Any, Any] | None,
        bytes_digest: str = "",
    ) -> None:
        self.id, self.status, self.names, self.bytes_digest = id, status, names, bytes_digest
        self._source = source
        self._payload: dict[str, Any] | None = None
        self._replaced: tuple[str, ...] = ()
        self._digest = ""
        self._summary: OrderSummary | None = None

    @classmethod
    def from_json(cls, data: object) -> OrderRow:
        """Read a decoded object, or one that is not decoded yet (``msgspec.Raw``)."""
        if isinstance(data, msgspec.Raw):
            return cls._from_head(data) or cls.from_json(decode(bytes(data)).data)
        f = Fields(data, kind="order")
        customer = f.data.get("customer")
        names = None
        if isinstance(customer, dict) and "email" in customer:
            names = (customer.get("id"), customer["email"] or "")
        return cls(f.data, id=f.identifier(kind="order"), status=f.text("status"), names=names)

    @classmethod
    def _from_head(cls, raw: msgspec.Raw) -> OrderRow | None:
        head = partly(raw, _HEAD)
        # What is no plain word or name is judged by ``Fields``.
        if head is None or not head.id.isidentifier() or len(head.id) > MAX_ID_CHARACTERS:
            return None
        status, customer, names = head.status, head.customer, None
        if status is not None and len(status) > MAX_TEXT_CHARACTERS:
            return None
        if customer is not None and customer.email is not msgspec.UNSET:
            names = (customer.id, customer.email or "")
        return cls(raw, id=head.id, status=status, names=names, bytes_digest=bytes_digest(raw))

    @property
    def replaced(self) -> tuple[str, ...]:
        """Sentences on numbers that could not be stored; those of a whole page are the page's.

        Raises:
            ProtocolError: It is nested beyond any sense.
        """
        _ = self.payload
        return self._replaced

    @property
    def payload(self) -> dict[str, Any]:
        """The object as it came, without known secrets.

        Raises:
            ProtocolError: It is nested beyond any sense.
        """
        if self._payload is None:
            source = self._source
            if isinstance(source, msgspec.Raw):
                decoded = decode(bytes(source))
                source, self._replaced = decoded.data, decoded.replaced
            self._payload = Fields(source, kind="order").payload()
        return self._payload

    @property
    def digest(self) -> str:
        """SHA-256 of the payload, in hex."""
        self._digest = self._digest or digest_of(self.payload)
        return self._digest

    @property
    def digests(self) -> str:
        """What a column keeps of both."""
        return paired(self.digest, self.bytes_digest)

    @property
    def summary(self) -> OrderSummary:
        """The whole of it, with a warning for each value that could not be read."""
        if self._summary is None:
            self._summary = self._plain_summary() or OrderSummary.from_json(self.payload)
        return self._summary

    def _plain_summary(self) -> OrderSummary | None:
        plain = partly(self._source, _PLAIN) if isinstance(self._source, msgspec.Raw) else None
        if plain is None:
            return None
        created_at = None
        if plain.created_at is not None and (created_at := time_of(plain.created_at)) is None:
            return None
        customer, payment = plain.customer or _NO_CUSTOMER, plain.payment or _NO_PAYMENT
        return OrderSummary(
            id=self.id,
            order_number=plain.order_number,
            status=plain.status,
            amount_minor=plain.amount,
            currency=plain.currency,
            discount_code=plain.discount_code,
            customer=Customer(customer.id, customer.email) if customer.id else None,
            payment_status=payment.status,
            total_minor=payment.total_amount,
            created_at=created_at,
            payload=self.payload,
        )

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
