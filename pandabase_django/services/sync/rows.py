"""Turns what the remote said into rows: the one place where its fields become columns.

New orders of a list are not here: they are written by COPY, from plain values (``summaries``).
"""

from __future__ import annotations

from datetime import datetime

from pandabase_django.api import schemas
from pandabase_django.models import Category, Order, OrderItem, Product, ProductVariant
from pandabase_django.services.sync.upsert import child_digest

__all__ = ["category_row", "item_row", "order_row", "product_row", "variant_row"]


def category_row(item: schemas.Category, *, store_id: str, now: datetime) -> Category:
    """A category."""
    return Category(
        id=item.id,
        store_id=store_id,
        payload=item.payload,
        digest=item.digest,
        first_seen_at=now,
        synced_at=now,
        name=item.name or "",
        slug=item.slug or "",
        parent_id=item.parent_id,
        display_order=item.display_order,
        is_archived=item.is_archived,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )


def product_row(item: schemas.Product, *, store_id: str, now: datetime) -> Product:
    """A product; its variants and categories have rows of their own."""
    return Product(
        id=item.id,
        store_id=store_id,
        payload=item.payload,
        digest=item.digest,
        first_seen_at=now,
        synced_at=now,
        title=item.title or "",
        handle=item.handle or "",
        status=item.status or "",
        product_type=item.product_type or "",
        price_minor=item.price_minor,
        compare_at_price_minor=item.compare_at_price_minor,
        currency=item.currency or "",
        in_stock=item.in_stock,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )


def variant_row(
    item: schemas.Variant,
    *,
    position: int,
    product: schemas.Product,
    store_id: str,
    now: datetime,
) -> ProductVariant:
    """A variant; one without an id is called by its place in the product."""
    currency = product.currency or ""
    return ProductVariant(
        id=item.id or f"{product.id}:{position}",
        store_id=store_id,
        payload=item.payload,
        digest=child_digest(item.digest, position=position, currency=currency),
        first_seen_at=now,
        synced_at=now,
        product_id=product.id,
        position=position,
        title=item.title or "",
        price_minor=item.price_minor,
        currency=currency,
        in_stock=item.in_stock,
    )


def order_row(order: schemas.Order, *, dirty: bool, store_id: str, now: datetime) -> Order:
    """An order in its detail form; ``dirty`` when it is to be read again all the same."""
    payment = order.payment
    billing = order.billing_address
    return Order(
        id=order.id,
        store_id=store_id,
        payload=order.payload,
        digest=order.digest,
        first_seen_at=now,
        synced_at=now,
        detailed_at=now,
        dirty=dirty,
        order_number=order.order_number or "",
        status=order.status or "",
        amount_minor=order.amount_minor,
        currency=order.currency or "",
        discount_code=order.discount_code or "",
        customer_id=order.customer.id if order.customer else None,
        created_at=order.created_at,
        updated_at=order.updated_at,
        payment_id=(payment.id or "") if payment else "",
        payment_status=(payment.status or "") if payment else "",
        payment_method=(payment.method_type or "") if payment else "",
        card_brand=(payment.card_brand or "") if payment else "",
        card_last_four=(payment.card_last_four or "") if payment else "",
        total_minor=payment.total_amount_minor if payment else None,
        tax_minor=payment.tax_amount_minor if payment else None,
        discount_minor=payment.discount_amount_minor if payment else None,
        platform_fee_minor=payment.platform_fee_amount_minor if payment else None,
        psp_fee_minor=payment.psp_fee_amount_minor if payment else None,
        settled_minor=payment.settled_amount_minor if payment else None,
        presentment_currency=order.presentment_currency or "",
        presentment_minor=order.presentment_amount_minor,
        exchange_rate=order.exchange_rate or "",
        billing_line1=(billing.line1 or "") if billing else "",
        billing_line2=(billing.line2 or "") if billing else "",
        billing_city=(billing.city or "") if billing else "",
        billing_state=(billing.state or "") if billing else "",
        billing_postal_code=(billing.postal_code or "") if billing else "",
        billing_country=(billing.country or "") if billing else "",
    )


def item_row(
    item: schemas.OrderItem,
    *,
    position: int,
    order: schemas.Order,
    store_id: str,
    now: datetime,
) -> OrderItem:
    """A line of an order; one without an id is called by its place in the order."""
    currency = order.currency or ""
    return OrderItem(
        id=item.id or f"{order.id}:{position}",
        store_id=store_id,
        payload=item.payload,
        digest=child_digest(item.digest, position=position, currency=currency),
        first_seen_at=now,
        synced_at=now,
        order_id=order.id,
        position=position,
        product_id=item.product_id,
        variant_id=item.variant_id,
        name=item.name or "",
        quantity=item.quantity,
        price_minor=item.price_minor,
        currency=currency,
    )
