"""Compares what comes with products: their variants and categories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pandabase_django.api import schemas
from pandabase_django.models import MirrorRow, ProductCategory, ProductVariant
from pandabase_django.services.sync.mirror.comparison import compare_fields, differs
from pandabase_django.services.sync.mirror.upsert import child_id

__all__ = ["compare_products"]


def compare_products(
    items: Sequence[schemas.Product], rows: Mapping[str, MirrorRow]
) -> dict[str, list[str]]:
    """How variants and categories differ, by the product's id."""
    variants: dict[str, dict[str, ProductVariant]] = defaultdict(dict)
    for variant in ProductVariant.objects.filter(product_id__in=rows, gone_at__isnull=True):
        variants[variant.product_id or ""][variant.pk] = variant
    categories: dict[str, set[str]] = defaultdict(set)
    links = ProductCategory.objects.filter(product_id__in=rows)
    for product_id, category_id in links.values_list("product_id", "category_id"):
        categories[product_id].add(category_id)
    found: dict[str, list[str]] = {}
    for item in items:
        why = found[item.id] = []
        if item.variants is not None:
            why += _compare_variants(item.id, item.variants, variants[item.id])
        if item.category_ids is not None and set(item.category_ids) != categories[item.id]:
            here, there = sorted(categories[item.id]), sorted(item.category_ids)
            why.append(differs("categories", here=here, there=there))
    return found


def _compare_variants(
    product_id: str, listed: Sequence[schemas.Variant], here: Mapping[str, ProductVariant]
) -> list[str]:
    there = {
        child_id(variant.id, parent=product_id, position=position): variant
        for position, variant in enumerate(listed)
    }
    why = [f"Variant {pk} is not here." for pk in there.keys() - here.keys()]
    why += [f"Variant {pk} is no longer there." for pk in here.keys() - there.keys()]
    why += [
        f"variant {pk} {sentence}"
        for pk in there.keys() & here.keys()
        for sentence in compare_fields(there[pk], here[pk])
    ]
    return sorted(why)
