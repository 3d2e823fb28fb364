"""Compares local rows with the sandbox's own dump, without any of the sync's code."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from pandabase_django.models import (
    Category,
    Order,
    OrderItem,
    Product,
    ProductCategory,
    ProductVariant,
)
from pandabase_django.sandbox import Sandbox

__all__ = ["order_differences", "product_differences"]


def order_differences(sandbox: Sandbox) -> list[str]:
    """One line for each order or line item that is not the same on both sides."""
    dump = sandbox.dump("orders")
    remote = {order["id"]: _order(order) for order in dump}
    local = {
        row.pk: (
            row.order_number,
            row.status,
            row.amount_minor,
            row.currency,
            row.customer_id,
            row.payment_status,
            row.settled_minor,
            row.billing_city,
            row.created_at,
            row.updated_at,
            row.dirty,
        )
        for row in Order.objects.all()
    }
    remote_items = {
        item["id"]: (
            order["id"],
            place,
            item["productId"],
            item["variantId"],
            item["name"],
            item["quantity"],
            item["price"],
        )
        for order in dump
        for place, item in enumerate(order["items"])
    }
    local_items = {
        row.pk: (
            row.order_id,
            row.position,
            row.product_id,
            row.variant_id,
            row.name,
            row.quantity,
            row.price_minor,
        )
        for row in OrderItem.objects.filter(gone_at__isnull=True)
    }
    return [*_compare(remote, local), *_compare(remote_items, local_items)]


def product_differences(sandbox: Sandbox) -> list[str]:
    """One line for each product, variant, category or link that is not the same."""
    dump = sandbox.dump("products", include_deleted=False)
    remote = {
        p["id"]: (p["title"], p["status"], p["price"], p["currency"], p["inStock"]) for p in dump
    }
    local = {
        row.pk: (row.title, row.status, row.price_minor, row.currency, row.in_stock)
        for row in Product.objects.filter(gone_at__isnull=True)
    }
    remote_variants = {
        v["id"]: (p["id"], place, v["title"], v["price"])
        for p in dump
        for place, v in enumerate(p["variants"])
    }
    local_variants = {
        row.pk: (row.product_id, row.position, row.title, row.price_minor)
        for row in ProductVariant.objects.filter(gone_at__isnull=True)
    }
    remote_links = {(p["id"], c["id"]): None for p in dump for c in p["categories"]}
    local_links = {
        (link.product_id, link.category_id): None
        for link in ProductCategory.objects.all()
        if link.product_id in local
    }
    remote_categories = {
        c["id"]: (c["name"], c["parentId"])
        for c in sandbox.dump("categories", include_deleted=False)
    }
    local_categories = {
        row.pk: (row.name, row.parent_id) for row in Category.objects.filter(gone_at__isnull=True)
    }
    return [
        *_compare(remote, local),
        *_compare(remote_variants, local_variants),
        *_compare(remote_links, local_links),
        *_compare(remote_categories, local_categories),
    ]


def _order(order: dict[str, Any]) -> tuple[Any, ...]:
    payment = order["payment"] or {}
    return (
        order["orderNumber"],
        order["status"],
        order["amount"],
        order["currency"],
        (order["customer"] or {}).get("id"),
        payment.get("status", ""),
        payment.get("settledAmount"),
        (order["billingAddress"] or {}).get("city") or "",
        _time(order["createdAt"]),
        _time(order["updatedAt"]),
        False,
    )


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def _compare(remote: dict[Any, Any], local: dict[Any, Any]) -> list[str]:
    return [
        f"{key}: remote {remote.get(key, 'missing')}, local {local.get(key, 'missing')}"
        for key in sorted({*remote, *local})
        if key not in remote or key not in local or remote[key] != local[key]
    ]
