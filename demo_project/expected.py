"""What every column of the mirror must hold, told from the sandbox's own dump.

The witness of the demo and of the tests: it knows the remote's objects and the tables, and none of
the code between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from django.db.models import Model

from pandabase_django.models import (
    Category,
    Coupon,
    Customer,
    Dispute,
    LedgerEntry,
    License,
    Order,
    OrderItem,
    Payout,
    Product,
    ProductCategory,
    ProductVariant,
    Refund,
    Subscription,
)

__all__ = [
    "BESIDE_ORDERS",
    "CATALOG",
    "CUSTOMERS",
    "DISPUTES",
    "KINDS",
    "LISTED_CUSTOMERS",
    "OF_EVERY_SYNC",
    "REFUNDS",
    "SALES",
    "Kind",
]

Json = dict[str, Any]
Value = Callable[[Json], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One mirror model, and what its rows must hold.

    Attributes:
        name: As people call its rows.
        model: The mirror model.
        dump: The dump that its rows are told from, products and categories without deleted ones.
        sources: From the dump's objects one source for each row.
        columns: What each column must hold, told from the row's source.
        left_out: Columns that are not compared, and why.
        owner: The way to the row that has a store and may be a tombstone.
        key: The columns that name a row.
        all_named: Every row here must have a source.
    """

    name: str
    model: type[Model]
    dump: str
    sources: Callable[[Iterable[Json]], Iterable[Json]]
    columns: Mapping[str, Value]
    left_out: Mapping[str, str]
    owner: str = ""
    key: tuple[str, ...] = ("id",)
    all_named: bool = True


def _at(path: str) -> Value:
    """The value below a path; None where any step is missing."""
    first, *steps = path.split(".")
    if not steps:
        return lambda source: source.get(first)

    def value(source: Json) -> Any:
        found = source.get(first)
        for step in steps:
            if not isinstance(found, dict):
                return None
            found = found.get(step)
        return found

    return value


def _text(path: str) -> Value:
    """A text, "" where there is none; of a number its digits."""
    at = _at(path)

    def value(source: Json) -> str:
        found = at(source)
        return "" if found is None else str(found)

    return value


def _time(path: str) -> Value:
    at = _at(path)

    def value(source: Json) -> datetime | None:
        found = at(source)
        if found is None:
            return None
        if found[-1] != "Z":
            raise ValueError(f"{found} is not in UTC")
        return datetime.fromisoformat(found[:-1]).replace(tzinfo=timezone.utc)

    return value


def _id_or_place(child: str, parent: str) -> Value:
    """The child's own id; one without is called by its place in the parent."""
    own, of = _at(f"{child}.id"), _at(f"{parent}.id")
    return lambda source: own(source) or f"{of(source)}:{source['place']}"


def _each(parent: str, child: str, children: str) -> Callable[[Iterable[Json]], Iterator[Json]]:
    """One source for each child: itself, its parent, and its place there."""
    return lambda objects: (
        {parent: whole, child: part, "place": place}
        for whole in objects
        for place, part in enumerate(whole[children] or ())
    )


def _newest_with_customers(orders: Iterable[Json]) -> Iterable[Json]:
    """Of each customer the newest order that names them: its e-mail address counts.

    Of two that came at one moment, the one whose id is the greater.
    """
    newest: dict[str, Json] = {}
    for order in sorted(orders, key=lambda order: (order["createdAt"], order["id"])):
        if (order["customer"] or {}).get("id"):
            newest[order["customer"]["id"]] = order
    return newest.values()


_OF_HERE = {
    "store_id": "Rows of other stores are not looked at.",
    "gone_at": "A tombstone counts as a row that is missing.",
    "payload": "Written with the columns; its decoding would be most of a comparison's time.",
    "digest": "Of the payload; a wrong one shows in what the next sync writes.",
    "first_seen_at": "A time of here.",
    "appeared_at": "A time of here.",
    "synced_at": "A time of here.",
}
_ABSENCES = {"absences": "Counts passes of here."}
_OF_THE_LIST: Mapping[str, Value] = {
    "first_name": _text("firstName"),
    "last_name": _text("lastName"),
    "is_guest": _at("guest"),
    "total_spent_minor": _at("totalSpent"),
    "order_count": _at("orderCount"),
    "created_at": _time("createdAt"),
}

CATEGORIES = Kind(
    name="categories",
    model=Category,
    dump="categories",
    sources=lambda objects: objects,
    columns={
        "id": _at("id"),
        "name": _text("name"),
        "slug": _text("slug"),
        "parent_id": _at("parentId"),
        "display_order": _at("displayOrder"),
        "is_archived": _at("isArchived"),
        "created_at": _time("createdAt"),
        "updated_at": _time("updatedAt"),
    },
    left_out={**_OF_HERE, **_ABSENCES},
)
PRODUCTS = Kind(
    name="products",
    model=Product,
    dump="products",
    sources=lambda objects: objects,
    columns={
        "id": _at("id"),
        "title": _text("title"),
        "handle": _text("handle"),
        "status": _text("status"),
        "product_type": _text("productType"),
        "price_minor": _at("price"),
        "compare_at_price_minor": _at("compareAtPrice"),
        "currency": _text("currency"),
        "in_stock": _at("inStock"),
        "created_at": _time("createdAt"),
        "updated_at": _time("updatedAt"),
    },
    left_out={**_OF_HERE, **_ABSENCES},
)
VARIANTS = Kind(
    name="variants",
    model=ProductVariant,
    dump="products",
    sources=_each("product", "variant", "variants"),
    columns={
        "id": _id_or_place("variant", "product"),
        "product_id": _at("product.id"),
        "position": _at("place"),
        "title": _text("variant.title"),
        "price_minor": _at("variant.price"),
        "currency": _text("product.currency"),
        "in_stock": _at("variant.inStock"),
    },
    left_out=_OF_HERE,
)
LINKS = Kind(
    name="categories of products",
    model=ProductCategory,
    dump="products",
    sources=_each("product", "category", "categories"),
    columns={"product_id": _at("product.id"), "category_id": _at("category.id")},
    left_out={"id": "A number of here."},
    owner="product__",
    key=("product_id", "category_id"),
)
ORDERS = Kind(
    name="orders",
    model=Order,
    dump="orders",
    sources=lambda objects: objects,
    columns={
        "id": _at("id"),
        "order_number": _text("orderNumber"),
        "status": _text("status"),
        "amount_minor": _at("amount"),
        "currency": _text("currency"),
        "discount_code": _text("discountCode"),
        "customer_id": _at("customer.id"),
        "created_at": _time("createdAt"),
        "updated_at": _time("updatedAt"),
        "payment_id": _text("payment.id"),
        "payment_status": _text("payment.status"),
        "payment_method": _text("payment.paymentMethod.type"),
        "card_brand": _text("payment.paymentMethod.cardBrand"),
        "card_last_four": _text("payment.paymentMethod.cardLastFour"),
        "total_minor": _at("payment.totalAmount"),
        "tax_minor": _at("payment.taxAmount"),
        "discount_minor": _at("payment.discountAmount"),
        "platform_fee_minor": _at("payment.platformFeeAmount"),
        "psp_fee_minor": _at("payment.pspFeeAmount"),
        "settled_minor": _at("payment.settledAmount"),
        "presentment_currency": _text("presentmentCurrency"),
        "presentment_minor": _at("presentmentAmount"),
        "exchange_rate": _text("exchangeRate"),
        "billing_line1": _text("billingAddress.addressLine1"),
        "billing_line2": _text("billingAddress.addressLine2"),
        "billing_city": _text("billingAddress.city"),
        "billing_state": _text("billingAddress.state"),
        "billing_postal_code": _text("billingAddress.postalCode"),
        "billing_country": _text("billingAddress.country"),
        "dirty": lambda order: False,
    },
    left_out={
        **_OF_HERE,
        "list_digest": "Of the list form; a wrong one shows in what the next sync reads.",
        "detailed_at": "A time of here.",
        "unread_at": "A time of here.",
        "dirty_mark": "Counts marks of here.",
        "list_row": "Why its details were due.",
        "due_cause": "Why its details were due.",
        "due_since": "A time of here.",
    },
)
ITEMS = Kind(
    name="line items",
    model=OrderItem,
    dump="orders",
    sources=_each("order", "item", "items"),
    columns={
        "id": _id_or_place("item", "order"),
        "order_id": _at("order.id"),
        "position": _at("place"),
        "product_id": _at("item.productId"),
        "variant_id": _at("item.variantId"),
        "name": _text("item.name"),
        "quantity": _at("item.quantity"),
        "price_minor": _at("item.price"),
        "currency": _text("order.currency"),
    },
    left_out=_OF_HERE,
)
CUSTOMERS = Kind(
    name="customers",
    model=Customer,
    dump="orders",
    sources=_newest_with_customers,
    columns={"id": _at("customer.id"), "email": _text("customer.email")},
    left_out={
        **_OF_HERE,
        **_ABSENCES,
        **dict.fromkeys(_OF_THE_LIST, "Of the list of customers."),
    },
    all_named=False,  # one whose orders are now another's stays
)
LISTED_CUSTOMERS = Kind(
    name="listed customers",
    model=Customer,
    dump="customers",
    sources=lambda objects: objects,
    columns={"id": _at("id"), **_OF_THE_LIST},
    left_out={**_OF_HERE, **_ABSENCES, "email": "Of the newest order."},
    all_named=False,  # one that an order alone names has a row as well
)
REFUNDS = Kind(
    name="refunds",
    model=Refund,
    dump="refunds",
    sources=lambda objects: objects,
    columns={
        "id": _at("id"),
        "order_id": _at("order.id"),
        "status": _text("status"),
        "reason": _text("reason"),
        "amount_minor": _at("amount"),
        "currency": _text("order.currency"),
        "created_at": _time("createdAt"),
    },
    left_out=_OF_HERE,
)
DISPUTES = Kind(
    name="disputes",
    model=Dispute,
    dump="disputes",
    sources=lambda objects: objects,
    columns={
        "id": _at("id"),
        "order_id": _at("order.id"),
        "status": _text("status"),
        "reason": _text("reason"),
        "amount_minor": _at("amount"),
        "total_minor": _at("totalAmount"),
        "fee_minor": _at("fee"),
        "currency": _text("order.currency"),
        "created_at": _time("createdAt"),
    },
    left_out=_OF_HERE,
)
LEDGER = Kind(
    name="ledger entries",
    model=LedgerEntry,
    dump="ledger",
    sources=lambda objects: objects,
    columns={
        "id": _at("id"),
        "type": _text("type"),
        "amount_minor": _at("amount"),
        "balance_minor": _at("runningBalance"),
        "reference_id": _text("referenceId"),
        "description": _text("description"),
        "created_at": _time("createdAt"),
    },
    left_out={**_OF_HERE, "currency": "The store's: entries name none."},
)
PAYOUTS = Kind(
    name="payouts",
    model=Payout,
    dump="payouts",
    sources=lambda objects: objects,
    columns={
        "id": _at("id"),
        "status": _text("status"),
        "amount_minor": _at("amount"),
        "fee_minor": _at("fee"),
        "reference_id": _text("referenceId"),
        "method_id": _text("payoutMethod.id"),
        "created_at": _time("createdAt"),
        "updated_at": _time("updatedAt"),
    },
    left_out={**_OF_HERE, **_ABSENCES, "currency": "The store's: payouts name none."},
)
COUPONS = Kind(
    name="coupons",
    model=Coupon,
    dump="coupons",
    sources=lambda objects: objects,
    columns={
        "id": _at("id"),
        "code": _text("code"),
        "display_name": _text("displayName"),
        "type": _text("type"),
        "value": _at("value"),
        "minimum_purchase_minor": _at("minimumPurchase"),
        "is_enabled": _at("enabled"),
        "times_used": _at("timesUsed"),
        "max_uses": _at("maxUses"),
        "starts_at": _time("startsAt"),
        "expires_at": _time("expiresAt"),
        "created_at": _time("createdAt"),
        "updated_at": _time("updatedAt"),
    },
    left_out={**_OF_HERE, **_ABSENCES},
)
SUBSCRIPTIONS = Kind(
    name="subscriptions",
    model=Subscription,
    dump="subscriptions",
    sources=lambda objects: objects,
    columns={
        "id": _at("id"),
        "status": _text("status"),
        "billing_interval": _text("billingInterval"),
        "amount_minor": _at("amount"),
        "currency": _text("currency"),
        "quantity": _at("quantity"),
        "product_id": _at("product.id"),
        "customer_id": _at("customer.id"),
        "current_period_start": _time("currentPeriodStart"),
        "current_period_end": _time("currentPeriodEnd"),
        "next_charge_at": _time("nextChargeAt"),
        "trial_end": _time("trialEnd"),
        "cancelled_at": _time("cancelledAt"),
        "paused_at": _time("pausedAt"),
        "ends_at": _time("endsAt"),
        "retry_count": _at("retryCount"),
        "created_at": _time("createdAt"),
    },
    left_out=_OF_HERE,
)
LICENSES = Kind(
    name="licenses",
    model=License,
    dump="licenses",
    sources=lambda objects: objects,
    columns={
        "id": _at("id"),
        "status": _text("status"),
        "key_last_four": lambda source: source["key"][-4:],
        "product_id": _at("productId"),
        "variant_id": _text("variantId"),
        "order_id": _at("orderId"),
        "customer_id": _at("customerId"),
        "claimed_at": _time("claimedAt"),
        "created_at": _time("createdAt"),
    },
    left_out={**_OF_HERE, "key_hash": "Made of the key with a secret of this installation."},
)

CATALOG = (CATEGORIES, PRODUCTS, VARIANTS, LINKS)
SALES = (ORDERS, ITEMS, CUSTOMERS)
BESIDE_ORDERS = (
    REFUNDS,
    DISPUTES,
    LEDGER,
    PAYOUTS,
    LISTED_CUSTOMERS,
    COUPONS,
    SUBSCRIPTIONS,
    LICENSES,
)
KINDS = (*CATALOG, *SALES)
OF_EVERY_SYNC = (*KINDS, REFUNDS, DISPUTES)
