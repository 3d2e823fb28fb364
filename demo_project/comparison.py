"""Compares the local tables with the sandbox's own dump, row by row.

Reads the dump through the sandbox's control address with the standard library, and knows nothing
of the sync's code: it is the witness, not the accused.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pandabase_django.models import Category, Order, OrderItem, Product, ProductVariant

__all__ = ["Comparison", "compare"]

Rows = dict[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One kind of row: how many on each side, and the ids that differ."""

    kind: str
    local: int
    remote: int
    differing: tuple[str, ...]


def compare(control_url: str) -> list[Comparison]:
    """Compare every mirrored row with the remote's state.

    Args:
        control_url: The sandbox's control address.
    """
    products: Rows = {}
    variants: Rows = {}
    for p in _dump(control_url, "products"):
        products[p["id"]] = (
            p["title"],
            p["status"],
            p["price"],
            p["currency"],
            p["inStock"],
            tuple(sorted(c["id"] for c in p["categories"])),
        )
        for place, v in enumerate(p["variants"]):
            variants[v["id"]] = (p["id"], place, v["title"], v["price"], v["inStock"])
    categories: Rows = {
        c["id"]: (c["name"], c["slug"], c["parentId"], c["displayOrder"])
        for c in _dump(control_url, "categories")
    }
    orders: Rows = {}
    items: Rows = {}
    for o in _dump(control_url, "orders"):
        orders[o["id"]] = _order(o)
        for place, i in enumerate(o["items"]):
            items[i["id"]] = (
                o["id"],
                place,
                i["productId"],
                i["variantId"],
                i["name"],
                i["quantity"],
                i["price"],
            )
    return [
        _compared("categories", _local_categories(), categories),
        _compared("products", _local_products(), products),
        _compared("variants", _local_variants(), variants),
        _compared("orders", _local_orders(), orders),
        _compared("line items", _local_items(), items),
    ]


def _dump(control_url: str, kind: str) -> Iterator[dict[str, Any]]:
    url = f"{control_url}/dump?kind={kind}&include_deleted=0"
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310  loopback, made by us
        for line in answer:
            yield json.loads(line)


def _compared(kind: str, local: Rows, remote: Rows) -> Comparison:
    differing = sorted(
        key for key in {*local, *remote} if key not in local or local[key] != remote.get(key)
    )
    return Comparison(kind, len(local), len(remote), tuple(differing))


def _order(o: dict[str, Any]) -> tuple[Any, ...]:
    payment = o["payment"] or {}
    address = o["billingAddress"] or {}
    return (
        o["orderNumber"],
        o["status"],
        o["amount"],
        o["currency"],
        o["discountCode"] or "",
        (o["customer"] or {}).get("id"),
        payment.get("id") or "",
        payment.get("status") or "",
        payment.get("totalAmount"),
        payment.get("settledAmount"),
        address.get("city") or "",
        address.get("country") or "",
        _time(o["createdAt"]),
        _time(o["updatedAt"]),
    )


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def _local_categories() -> Rows:
    rows = Category.objects.filter(gone_at__isnull=True)
    return {r.pk: (r.name, r.slug, r.parent_id, r.display_order) for r in rows}


def _local_products() -> Rows:
    links: dict[str, list[str]] = {}
    for product, category in Product.categories.through.objects.values_list(
        "product_id", "category_id"
    ):
        links.setdefault(product, []).append(category)
    return {
        r.pk: (
            r.title,
            r.status,
            r.price_minor,
            r.currency,
            r.in_stock,
            tuple(sorted(links.get(r.pk, []))),
        )
        for r in Product.objects.filter(gone_at__isnull=True)
    }


def _local_variants() -> Rows:
    rows = ProductVariant.objects.filter(gone_at__isnull=True)
    return {r.pk: (r.product_id, r.position, r.title, r.price_minor, r.in_stock) for r in rows}


def _local_orders() -> Rows:
    return {
        r.pk: (
            r.order_number,
            r.status,
            r.amount_minor,
            r.currency,
            r.discount_code,
            r.customer_id,
            r.payment_id,
            r.payment_status,
            r.total_minor,
            r.settled_minor,
            r.billing_city,
            r.billing_country,
            r.created_at,
            r.updated_at,
        )
        for r in Order.objects.filter(gone_at__isnull=True)
    }


def _local_items() -> Rows:
    return {
        r.pk: (
            r.order_id,
            r.position,
            r.product_id,
            r.variant_id,
            r.name,
            r.quantity,
            r.price_minor,
        )
        for r in OrderItem.objects.filter(gone_at__isnull=True)
    }
