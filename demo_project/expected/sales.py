"""Orders with their line items, and customers as orders and their own list show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from demo_project.expected.kinds import (
    ABSENCES,
    OF_HERE,
    Json,
    Kind,
    Value,
    at,
    each,
    id_or_place,
    text,
    time,
)
from pandabase_django.models import Customer, Order, OrderItem

__all__ = ["CUSTOMERS", "ITEMS", "LISTED_CUSTOMERS", "ORDERS"]


def _newest_with_customers(orders: Iterable[Json]) -> Iterable[Json]:
    """Of each customer the newest order that names them: its e-mail address counts.

    Of two that came at one moment, the one whose id is the greater.
    """
    newest: dict[str, Json] = {}
    for order in sorted(orders, key=lambda order: (order["createdAt"], order["id"])):
        if (order["customer"] or {}).get("id"):
            newest[order["customer"]["id"]] = order
    return newest.values()


_OF_THE_LIST: Mapping[str, Value] = {
    "first_name": text("firstName"),
    "last_name": text("lastName"),
    "is_guest": at("guest"),
    "total_spent_minor": at("totalSpent"),
    "order_count": at("orderCount"),
    "created_at": time("createdAt"),
}
ORDERS = Kind(
    name="orders",
    model=Order,
    dump="orders",
    sources=lambda objects: objects,
    columns={
        "id": at("id"),
        "order_number": text("orderNumber"),
        "status": text("status"),
        "amount_minor": at("amount"),
        "currency": text("currency"),
        "discount_code": text("discountCode"),
        "customer_id": at("customer.id"),
        "created_at": time("createdAt"),
        "updated_at": time("updatedAt"),
        "payment_id": text("payment.id"),
        "payment_status": text("payment.status"),
        "payment_method": text("payment.paymentMethod.type"),
        "card_brand": text("payment.paymentMethod.cardBrand"),
        "card_last_four": text("payment.paymentMethod.cardLastFour"),
        "total_minor": at("payment.totalAmount"),
        "tax_minor": at("payment.taxAmount"),
        "discount_minor": at("payment.discountAmount"),
        "platform_fee_minor": at("payment.platformFeeAmount"),
        "psp_fee_minor": at("payment.pspFeeAmount"),
        "settled_minor": at("payment.settledAmount"),
        "presentment_currency": text("presentmentCurrency"),
        "presentment_minor": at("presentmentAmount"),
        "exchange_rate": text("exchangeRate"),
        "billing_line1": text("billingAddress.addressLine1"),
        "billing_line2": text("billingAddress.addressLine2"),
        "billing_city": text("billingAddress.city"),
        "billing_state": text("billingAddress.state"),
        "billing_postal_code": text("billingAddress.postalCode"),
        "billing_country": text("billingAddress.country"),
        "dirty": lambda order: False,
    },
    left_out={
        **OF_HERE,
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
    sources=each("order", "item", "items"),
    columns={
        "id": id_or_place("item", "order"),
        "order_id": at("order.id"),
        "position": at("place"),
        "product_id": at("item.productId"),
        "variant_id": at("item.variantId"),
        "name": text("item.name"),
        "quantity": at("item.quantity"),
        "price_minor": at("item.price"),
        "currency": text("order.currency"),
    },
    left_out=OF_HERE,
)
CUSTOMERS = Kind(
    name="customers",
    model=Customer,
    dump="orders",
    sources=_newest_with_customers,
    columns={"id": at("customer.id"), "email": text("customer.email")},
    left_out={
        **OF_HERE,
        **ABSENCES,
        **dict.fromkeys(_OF_THE_LIST, "Of the list of customers."),
    },
    all_named=False,  # one whose orders are now another's stays
)
LISTED_CUSTOMERS = Kind(
    name="listed customers",
    model=Customer,
    dump="customers",
    sources=lambda objects: objects,
    columns={"id": at("id"), **_OF_THE_LIST},
    left_out={**OF_HERE, **ABSENCES, "email": "Of the newest order."},
    all_named=False,  # one that an order alone names has a row as well
)
