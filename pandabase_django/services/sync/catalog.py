"""Writes products with their variants and category links, and tells the shop of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F

from pandabase_django import signals
from pandabase_django.api import schemas
from pandabase_django.models import Product, ProductCategory, ProductVariant
from pandabase_django.models.lookups import Among
from pandabase_django.services.sync.children import write_children
from pandabase_django.services.sync.rows import product_row, variant_row
from pandabase_django.services.sync.sweep import SyncContext
from pandabase_django.services.sync.upsert import Change, Outcome, mark_gone, upsert

__all__ = ["bury_one", "bury_variants", "write_one", "write_products"]


def write_products(
    context: SyncContext, batch: Sequence[schemas.Product], now: datetime
) -> Outcome[Product]:
    """Write products inside ``context.writing()``, count them, and announce them on commit."""
    for item in batch:
        context.recorder.warn(item.warnings)
    rows = [product_row(item, store_id=context.store.pk, now=now) for item in batch]
    outcome = upsert(Product, rows, dry_run=context.dry_run)
    context.count(outcome)
    changed = {change.row.pk for change in outcome.changes}
    if changed and not context.dry_run:
        written = {item.id: item for item in batch if item.id in changed}.values()
        _write_variants(context, written, now)
        _write_category_links(written)
    _announce(context, outcome.changes)
    return outcome


def write_one(context: SyncContext, item: schemas.Product) -> None:
    """Write a product that was read by itself."""
    with context.writing() as now:
        write_products(context, [item], now)


def bury_one(context: SyncContext, pk: str) -> None:
    """Turn a product into a tombstone. Its own GET answered 404, and another GET worked."""
    with context.writing() as now:
        outcome = mark_gone(Product, ids=[pk], now=now, store=context.store)
        context.recorder.add(outcome)
        if outcome.gone:
            bury_variants(context, [pk], now)


def bury_variants(context: SyncContext, product_ids: Collection[str], now: datetime) -> None:
    """Turn the variants of products that just became tombstones into such as well."""
    if context.dry_run:
        return
    none = dict.fromkeys(product_ids, ())
    gone = write_children(ProductVariant, parent="product_id", listed=none, now=now)
    context.recorder.add(gone)
    if _heard(context):
        _announce(
            context,
            [
                Change(
                    row=product,
                    created=False,
                    first_read=False,
                    columns=("gone_at",),
                    before={"gone_at": None},
                )
                for product in Product.objects.filter(Among(F("pk"), product_ids))
            ],
        )


def _write_variants(
    context: SyncContext, products: Iterable[schemas.Product], now: datetime
) -> None:
    listed = {
        product.id: [
            variant_row(
                variant, position=position, product=product, store_id=context.store.pk, now=now
            )
            for position, variant in enumerate(product.variants)
        ]
        for product in products
        if product.variants is not None
    }
    context.recorder.add(
        write_children(ProductVariant, parent="product_id", listed=listed, now=now)
    )


def _write_category_links(products: Iterable[schemas.Product]) -> None:
    listed = {p.id: p.category_ids for p in products if p.category_ids is not None}
    wanted = {(product_id, pk) for product_id, ids in listed.items() for pk in ids}
    links = ProductCategory.objects.filter(Among(F("product_id"), listed))
    known = set(links.values_list("product_id", "category_id"))
    for product_id, category_id in known - wanted:
        links.filter(product_id=product_id, category_id=category_id).delete()
    ProductCategory.objects.bulk_create(
        [
            ProductCategory(product_id=product_id, category_id=category_id)
            for product_id, category_id in sorted(wanted - known)
        ],
        ignore_conflicts=True,
    )


def _heard(context: SyncContext) -> bool:
    silent = context.first or context.dry_run
    return not silent and signals.product_synced.has_listeners(Product)


def _announce(context: SyncContext, changes: Sequence[Change[Product]]) -> None:
    if not _heard(context):
        return

    def send() -> None:
        for change in changes:
            signals.send(
                signals.product_synced,
                sender=Product,
                product=change.row,
                created=change.created,
                changed=change.columns,
            )

    transaction.on_commit(send, robust=True)
