"""Compares local rows with the sandbox's own dump, without any of the sync's code."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from django.db.models import QuerySet

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
    local = _rows(
        Order.objects.all(),
        "order_number",
        "status",
        "amount_minor",
        "currency",
        "customer_id",
        "payment_status",
        "settled_minor",
        "billing_city",
        "created_at",
        "updated_at",
        "dirty",
    )
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
    local_items = _rows(
        OrderItem.objects.filter(gone_at__isnull=True),
        "order_id",
        "position",
        "product_id",
        "variant_id",
        "name",
        "quantity",
        "price_minor",
    )
    return [*_compare(remote, local), *_compare(remote_items, local_items)]


def product_differences(sandbox: Sandbox) -> list[str]:
    """One line for each product, variant, category or link that is not the same."""
    dump = sandbox.dump("products", include_deleted=False)
    remote = {
        p["id"]: (p["title"], p["status"], p["price"], p["currency"], p["inStock"]) for p in dump
    }
    local = _rows(
        Product.objects.filter(gone_at__isnull=True),
        "title",
        "status",
        "price_minor",
        "currency",
        "in_stock",
    )
    remote_variants = {
        v["id"]: (p["id"], place, v["title"], v["price"])
        for p in dump
        for place, v in enumerate(p["variants"])
    }
    local_variants = _rows(
        ProductVariant.objects.filter(gone_at__isnull=True),
        "product_id",
        "position",
        "title",
        "price_minor",
    )
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
    local_categories = _rows(Category.objects.filter(gone_at__isnull=True), "name", "parent_id")
    return [
        *_compare(remote, local),
        *_compare(remote_variants, local_variants),
        *_compare(remote_links, local_links),
        *_compare(remote_categories, local_categories),
    ]


def _rows(rows: QuerySet[Any], *columns: str) -> dict[Any, Any]:
    """The columns of each row by its id; whole rows would decode their payloads too."""
    return {pk: tuple(values) for pk, *values in rows.values_list("pk", *columns)}


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
    assert (text[-5], text[-1]) == (".", "Z")
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc)


def _compare(remote: dict[Any, Any], local: dict[Any, Any]) -> list[str]:
    return [
        f"{key}: remote {remote.get(key, 'missing')}, local {local.get(key, 'missing')}"
        for key in sorted({*remote, *local})
        if key not in remote or key not in local or remote[key] != local[key]
    ]
