"""Products with their variants and category links, and the signals that announce them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import F

from pandabase_django import signals
from pandabase_django.api import schemas
from pandabase_django.conf import conf
from pandabase_django.database import transaction
from pandabase_django.models import Product, ProductCategory, ProductVariant
from pandabase_django.models.base.lookups import Among
from pandabase_django.services.sync.catalog.categories import CATEGORIES
from pandabase_django.services.sync.catalog.comparison import compare_products
from pandabase_django.services.sync.catalog.rows import variant_row
from pandabase_django.services.sync.mirror.children import write_children
from pandabase_django.services.sync.mirror.resource import Resource
from pandabase_django.services.sync.readings.changes import SweepOrChanges
from pandabase_django.services.sync.readings.step import Step
from pandabase_django.services.sync.readings.sweep import Sweep
from pandabase_django.services.sync.readings.unseen import orders_by
from pandabase_django.services.sync.run.context import RunContext
from pandabase_django.services.sync.run.outcome import Change

__all__ = ["PRODUCTS"]


def _write_with_product(
    context: RunContext,
    products: Sequence[schemas.Product],
    changes: Sequence[Change[Product]],
    now: datetime,
) -> None:
    _write_variants(context, products, now)
    _write_category_links(products)
    _announce(context, changes)


def _mark_variants_gone(context: RunContext, product_ids: Sequence[str], now: datetime) -> None:
    """Mark the variants of products as gone that just were."""
    if context.dry_run:
        return
    none = dict.fromkeys(product_ids, ())
    gone = write_children(
        ProductVariant,
        parent="product_id",
        listed=none,
        store_id=context.store.pk,
        now=now,
        parents_are_gone=True,
    )
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
                for product in Product.objects.filter(
                    Among(F("pk"), product_ids), store=context.store
                )
            ],
        )


def _write_variants(
    context: RunContext, products: Iterable[schemas.Product], now: datetime
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
        write_children(
            ProductVariant, parent="product_id", listed=listed, store_id=context.store.pk, now=now
        )
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


def _heard(context: RunContext) -> bool:
    silent = context.first or context.dry_run
    return not silent and signals.product_synced.has_listeners(Product)


def _announce(context: RunContext, changes: Sequence[Change[Product]]) -> None:
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

    # Not robust: Django would hold back the task's own time limit. Receivers' errors stay inside.
    transaction.on_commit(send)


PRODUCTS: Resource[schemas.Product] = Resource(
    name="products",
    model=Product,
    listing=lambda client: client.products.listing,
    permission="PRODUCTS_READ",
    readings=[
        Step(CATEGORIES),
        SweepOrChanges(
            sweep=Sweep(others=orders_by("title", "price", "updatedAt")),
            small=lambda: conf.products_read_whole,
        ),
    ],
    compare=compare_products,
    write_more=_write_with_product,
    went=_mark_variants_gone,
)
