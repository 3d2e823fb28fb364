"""Lays list rows beside the rows that stand here, and says in words how they differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pandabase_django.api import schemas
from pandabase_django.models import (
    Category,
    MirrorRow,
    Order,
    Product,
    ProductCategory,
    ProductVariant,
)

__all__ = ["Difference", "compare_categories", "compare_orders", "compare_products"]

OTHER_FIELD = "Another field of it changed since it was last read."

# What both forms of an order show: the remote's name of the field, and the column.
ORDER_FIELDS: Mapping[str, str] = {
    "orderNumber": "order_number",
    "status": "status",
    "amount": "amount_minor",
    "currency": "currency",
    "discountCode": "discount_code",
    "payment.status": "payment_status",
    "payment.totalAmount": "total_minor",
    "createdAt": "created_at",
}
PRODUCT_FIELDS: Mapping[str, str] = {
    "title": "title",
    "handle": "handle",
    "status": "status",
    "productType": "product_type",
    "price": "price_minor",
    "compareAtPrice": "compare_at_price_minor",
    "currency": "currency",
    "inStock": "in_stock",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
}
VARIANT_FIELDS: Mapping[str, str] = {
    "title": "title",
    "price": "price_minor",
    "inStock": "in_stock",
}
CATEGORY_FIELDS: Mapping[str, str] = {
    "name": "name",
    "slug": "slug",
    "parentId": "parent_id",
    "displayOrder": "display_order",
    "isArchived": "is_archived",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not the same on both sides.

    Attributes:
        kind: ``order``, ``product``, ``category``.
        id: The remote id.
        what: ``missing``, ``other store``, ``tombstone``, ``due``, ``differs``, ``not listed``.
        why: One or more sentences for a person.
    """

    kind: str
    id: str
    what: str
    why: str


def compare_orders(items: Sequence[schemas.OrderSummary], *, store_id: str) -> list[Difference]:
    """Differences between orders in their list form and the rows that stand here."""
    rows = _rows(Order, items)
    found: list[Difference] = []
    for item in items:
        row = rows.get(item.id)
        if row is None or row.store_id != store_id or row.gone_at is not None:
            found.append(_absent("order", item.id, row, store_id))
            continue
        why = _fields(item, row, ORDER_FIELDS)
        customer = item.customer.id if item.customer else None
        if "customer" in item.payload and customer != row.customer_id:
            why.append(_sentence("customer", here=row.customer_id, there=customer))
        if row.dirty:
            due = (
                "Its details were never read"
                if row.detailed_at is None
                else "It is to be read again"
            )
            why.insert(0, f"{due}; the next sync does.")
        elif not why and row.list_digest != item.digest:
            why.append(OTHER_FIELD)
        if why:
            what = "due" if row.dirty else "differs"
            found.append(Difference(kind="order", id=item.id, what=what, why=" ".join(why)))
    return found


def compare_products(items: Sequence[schemas.Product], *, store_id: str) -> list[Difference]:
    """Differences between products, their variants and categories, and the rows that stand here."""
    rows = _rows(Product, items)
    variants: dict[str, dict[str, ProductVariant]] = defaultdict(dict)
    for variant in ProductVariant.objects.filter(product_id__in=rows, gone_at__isnull=True):
        variants[variant.product_id or ""][variant.pk] = variant
    categories: dict[str, set[str]] = defaultdict(set)
    links = ProductCategory.objects.filter(product_id__in=rows)
    for product_id, category_id in links.values_list("product_id", "category_id"):
        categories[product_id].add(category_id)
    found: list[Difference] = []
    for item in items:
        row = rows.get(item.id)
        if row is None or row.store_id != store_id or row.gone_at is not None:
            found.append(_absent("product", item.id, row, store_id))
            continue
        why = _fields(item, row, PRODUCT_FIELDS)
        if item.variants is not None:
            why += _variants(item.id, item.variants, variants[item.id])
        if item.category_ids is not None and set(item.category_ids) != categories[item.id]:
            why.append(
                _sentence(
                    "categories", here=sorted(categories[item.id]), there=sorted(item.category_ids)
                )
            )
        if not why and row.digest != item.digest:
            why.append(OTHER_FIELD)
        if why:
            found.append(Difference("product", item.id, "differs", " ".join(why)))
    return found


def compare_categories(items: Sequence[schemas.Category], *, store_id: str) -> list[Difference]:
    """Differences between categories and the rows that stand here."""
    rows = _rows(Category, items)
    found: list[Difference] = []
    for item in items:
        row = rows.get(item.id)
        if row is None or row.store_id != store_id or row.gone_at is not None:
            found.append(_absent("category", item.id, row, store_id))
            continue
        why = _fields(item, row, CATEGORY_FIELDS)
        if not why and row.digest != item.digest:
            why.append(OTHER_FIELD)
        if why:
            found.append(Difference("category", item.id, "differs", " ".join(why)))
    return found


def _rows(model: type[Any], items: Iterable[Any]) -> dict[str, Any]:
    return {row.pk: row for row in model.objects.filter(pk__in=[item.id for item in items])}


def _absent(kind: str, pk: str, row: MirrorRow | None, store_id: str) -> Difference:
    if row is None:
        return Difference(kind, pk, "missing", "It does not stand here.")
    if row.store_id != store_id:
        return Difference(kind, pk, "other store", f"It stands here under {row.store_id}.")
    return Difference(kind, pk, "tombstone", f"It is marked as gone here since {row.gone_at}.")


def _fields(item: Any, row: MirrorRow, fields: Mapping[str, str]) -> list[str]:
    """Fields that the remote showed and that stand here otherwise."""
    why: list[str] = []
    for name, column in fields.items():
        if not _shows(item.payload, name):
            continue
        here, there = getattr(row, column), getattr(item, column)
        if here != there and not (here == "" and there is None):
            why.append(_sentence(column, here=here, there=there))
    return why


def _shows(payload: Mapping[str, Any], path: str) -> bool:
    """Whether the remote showed this field; null shows that there is nothing of it."""
    name, _, rest = path.partition(".")
    if name not in payload:
        return False
    inner = payload[name]
    return not rest or inner is None or (isinstance(inner, dict) and _shows(inner, rest))


def _variants(
    product_id: str, listed: Sequence[schemas.Variant], here: dict[str, ProductVariant]
) -> list[str]:
    there = {
        variant.id or f"{product_id}:{position}": variant for position, variant in enumerate(listed)
    }
    why = [f"Variant {pk} does not stand here." for pk in there.keys() - here.keys()]
    why += [f"Variant {pk} is no longer there." for pk in here.keys() - there.keys()]
    why += [
        f"variant {pk} {sentence}"
        for pk in there.keys() & here.keys()
        for sentence in _fields(there[pk], here[pk], VARIANT_FIELDS)
    ]
    return sorted(why)


def _sentence(name: str, *, here: object, there: object) -> str:
    return f"{name}: {here} here, {there} there."
