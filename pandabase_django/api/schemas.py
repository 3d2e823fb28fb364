"""What the remote returns, as frozen objects. The only place that knows its camelCase names.

``payload`` is the object as it came, without known secrets; ``digest`` tells whether it changed.
``warnings`` names fields that did not fit and were left empty (Source: P-26).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from pandabase_django.api.reading import Fields, digest_of
from pandabase_django.exceptions import ProtocolError

__all__ = [
    "BillingAddress",
    "Category",
    "Customer",
    "Dispute",
    "LedgerEntry",
    "NewWebhook",
    "Order",
    "OrderItem",
    "OrderSummary",
    "Page",
    "Payment",
    "Product",
    "Refund",
    "StoreInfo",
    "Variant",
    "Webhook",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parsed:
    payload: dict[str, Any] = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the payload, in hex."""
        return digest_of(self.payload)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list (Source: P-19).

    Attributes:
        items: The objects that could be read.
        received: How many stood on the page, unreadable ones included.
        warnings: What could not be read or stored as it came.
    """

    items: tuple[T, ...]
    page: int
    limit: int
    total: int
    total_pages: int
    received: int
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_json(
        cls, data: object, *, read: Callable[[object], T], replaced: tuple[str, ...] = ()
    ) -> Page[T]:
        """Read a list answer.

        Raises:
            ProtocolError: It has not items and a pagination.
        """
        fields = Fields(data, kind="list")
        raw = fields.data.get("items")
        pagination = Fields(fields.data.get("pagination"), kind="list's pagination")
        numbers = [pagination.integer(n) for n in ("page", "limit", "total", "totalPages")]
        if not isinstance(raw, list) or any(n is None or n < 0 for n in numbers):
            raise ProtocolError("A list came without its items or its pagination.")
        page, limit, total, total_pages = (n or 0 for n in numbers)
        items: list[T] = []
        warnings = list(replaced)
        for place, item in enumerate(raw):
            try:
                items.append(read(item))
            except ProtocolError as error:
                warnings.append(f"Page {page}, row {place + 1} was left out: {error}")
        return cls(
            items=tuple(items),
            page=page,
            limit=limit,
            total=total,
            total_pages=total_pages,
            received=len(raw),
            warnings=tuple(warnings),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreInfo(_Parsed):
    """The store itself."""

    id: str
    title: str | None
    handle: str | None
    country: str | None
    currency: str | None
    created_at: datetime | None

    @classmethod
    def from_json(cls, data: object) -> StoreInfo:
        f = Fields(data, kind="store")
        return cls(
            id=f.identifier(kind="store"),
            title=f.text("title"),
            handle=f.text("handle"),
            country=f.text("country"),
            currency=f.text("currency"),
            created_at=f.time("createdAt"),
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Category(_Parsed):
    """A category."""

    id: str
    name: str | None
    slug: str | None
    parent_id: str | None
    display_order: int | None
    is_archived: bool | None
    created_at: datetime | None
    updated_at: datetime | None

    @classmethod
    def from_json(cls, data: object) -> Category:
        f = Fields(data, kind="category")
        return cls(
            id=f.identifier(kind="category"),
            name=f.text("name"),
            slug=f.text("slug"),
            parent_id=f.reference("parentId"),
            display_order=f.integer("displayOrder"),
            is_archived=f.boolean("isArchived"),
            created_at=f.time("createdAt"),
            updated_at=f.time("updatedAt"),
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant(_Parsed):
    """A variant of a product. Its shape is assumed: the samples show none."""

    id: str | None
    title: str | None
    price_minor: int | None
    in_stock: bool | None

    @classmethod
    def from_json(cls, data: object) -> Variant:
        f = Fields(data, kind="variant")
        return cls(
            id=f.reference("id"),
            title=f.text("title"),
            price_minor=f.integer("price"),
            in_stock=f.boolean("inStock"),
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(_Parsed):
    """A product. Prices are minor units (P-25); both times are missing in samples (P-20)."""

    id: str
    title: str | None
    handle: str | None
    status: str | None
    product_type: str | None
    price_minor: int | None
    compare_at_price_minor: int | None
    currency: str | None
    in_stock: bool | None
    created_at: datetime | None
    updated_at: datetime | None
    category_ids: tuple[str, ...]
    variants: tuple[Variant, ...]

    @classmethod
    def from_json(cls, data: object) -> Product:
        f = Fields(data, kind="product")
        identifier = f.identifier(kind="product")
        variants = _children(f, "variants", Variant.from_json)
        return cls(
            id=identifier,
            title=f.text("title"),
            handle=f.text("handle"),
            status=f.text("status"),
            product_type=f.text("productType"),
            price_minor=f.integer("price"),
            compare_at_price_minor=f.integer("compareAtPrice"),
            currency=f.text("currency"),
            in_stock=f.boolean("inStock"),
            created_at=f.time("createdAt"),
            updated_at=f.time("updatedAt"),
            category_ids=_ids(f, "categories"),
            variants=variants,
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )


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
class OrderSummary(_Parsed):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItem(_Parsed):
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
class Order(_Parsed):
    """An order in its detail form (Source: P-21)."""

    id: str
    order_number: str | None
    status: str | None
    amount_minor: int | None
    currency: str | None
    discount_code: str | None
    customer: Customer | None
    payment: Payment | None
    billing_address: BillingAddress | None
    items: tuple[OrderItem, ...]
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
            items=_children(f, "items", OrderItem.from_json),
            presentment_currency=f.text("presentmentCurrency"),
            presentment_amount_minor=f.integer("presentmentAmount"),
            exchange_rate=f.text("exchangeRate"),
            created_at=f.time("createdAt"),
            updated_at=f.time("updatedAt"),
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Movement(_Parsed):
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
class LedgerEntry(_Parsed):
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


def _children(parent: Fields, name: str, read: Callable[[object], Any]) -> tuple[Any, ...]:
    children: list[Any] = []
    for place, data in enumerate(parent.items(name)):
        try:
            child = read(data)
        except ProtocolError:
            parent.warnings.append(f"{name}[{place}] is not an object; it was left out.")
            continue
        parent.warnings.extend(f"{name}[{place}]: {text}" for text in child.warnings)
        children.append(child)
    return tuple(children)


def _ids(parent: Fields, name: str) -> tuple[str, ...]:
    """Ids of related objects, given as ids or as objects with an id."""
    found: dict[str, None] = {}
    for data in parent.items(name):
        value = data.get("id") if isinstance(data, dict) else data
        if isinstance(value, str) and value:
            found[value] = None
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(_Parsed):
    """A registration of a webhook endpoint (P-35)."""

    id: str
    url: str | None
    note: str | None
    enabled: bool | None
    event_types: tuple[str, ...]
    signature_version: str | None
    created_at: datetime | None

    @classmethod
    def from_json(cls, data: object) -> Webhook:
        f = Fields(data, kind="webhook")
        return cls(
            id=f.identifier(kind="webhook"),
            url=f.text("url"),
            note=f.text("note"),
            enabled=f.boolean("isEnabled"),
            event_types=tuple(str(name) for name in f.items("eventTypes")),
            signature_version=f.text("signatureVersion"),
            created_at=f.time("createdAt"),
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )


class NewWebhook:
    """The answer to a registration; ``reveal`` gives the signing secret, nothing else shows it."""

    __slots__ = ("_reveal", "webhook")

    def __init__(self, webhook: Webhook, *, reveal: Callable[[], str]) -> None:
        self.webhook = webhook
        self._reveal = reveal

    def __repr__(self) -> str:
        return f"<NewWebhook {self.webhook.id} ••••>"

    def reveal(self) -> str:
        """The signing secret. Pass it on; don't keep it in a variable."""
        return self._reveal()

    @classmethod
    def from_json(cls, data: object) -> NewWebhook:
        """Read the answer to a registration.

        Raises:
            ProtocolError: It has no id, or no secret.
        """
        webhook = Webhook.from_json(data)
        if not isinstance(data, dict) or not isinstance(data.get("secret"), str):
            raise ProtocolError("The registration was answered without a signing secret.")
        return cls(webhook, reveal=lambda: str(data["secret"]))
