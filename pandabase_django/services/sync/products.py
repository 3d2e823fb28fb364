"""Products, variants and categories: a clean pass daily, the newest changes in between."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from pandabase_django import signals
from pandabase_django.api import schemas
from pandabase_django.conf import conf
from pandabase_django.exceptions import MissingPermission
from pandabase_django.models import Category, Product, ProductCategory, ProductVariant
from pandabase_django.models.lookups import Among
from pandabase_django.services.sync.paging import PAGE_SIZE
from pandabase_django.services.sync.rows import category_row, product_row, variant_row
from pandabase_django.services.sync.sweep import SyncContext, bury, read_through
from pandabase_django.services.sync.upsert import Change, Outcome, mark_gone, upsert

__all__ = ["bury_one", "sync_products", "write_one"]

# Up to here the whole list is read in every run: its ten pages cost little, and only a whole
# reading sees a product deleted while another one came back.
ROWS_READ_WHOLE = 1000


def sync_products(context: SyncContext) -> None:
    """Make the local products, variants and categories equal the remote's.

    Raises:
        MissingPermission: The token may not read products. Categories alone may be missing.
        PandabaseError: Whatever stopped the run; what was written so far stays and is right.
    """
    _sync_categories(context)
    if _full_pass_due(context) or not _read_newest_changes(context):
        _read_everything(context)


def write_one(context: SyncContext, item: schemas.Product) -> None:
    """Write a product that was read by itself."""
    with context.writing() as now:
        outcome = _write(context, [item], now)
    _announce(context, outcome.changes)


def bury_one(context: SyncContext, pk: str) -> None:
    """Turn a product into a tombstone. Its own GET answered 404, and another GET worked."""
    with context.writing() as now:
        if mark_gone(Product, ids=[pk], now=now, store=context.store):
            context.recorder.buried(Product, [pk])
            _mourn(context, [pk], now)


def _full_pass_due(context: SyncContext) -> bool:
    last = context.cursor.last_full_at
    if context.full or last is None or not context.cursor.checkpoint.get("settled"):
        return True
    interval = timedelta(seconds=conf.full_sweep_interval_seconds)
    return timezone.now() - last >= interval or _live(context).count() <= ROWS_READ_WHOLE


def _live(context: SyncContext) -> QuerySet[Product]:
    return Product.objects.filter(store=context.store, gone_at__isnull=True)


def _sync_categories(context: SyncContext) -> None:
    client = context.client

    def write(batch: list[schemas.Category], now: datetime) -> None:
        rows = [category_row(item, store_id=context.store.pk, now=now) for item in batch]
        for item in batch:
            context.recorder.warn(item.warnings)
        context.recorder.add(upsert(Category, rows, dry_run=context.dry_run))

    with context.recorder.step("categories: full pass") as entry:
        try:
            reading = read_through(
                context,
                fetch=lambda page: client.categories.list(
                    page=page, limit=PAGE_SIZE, sort_by="createdAt", sort_order="asc"
                ),
                write=write,
            )
        except MissingPermission as error:
            context.recorder.warn([f"Categories were left out: {error}"])
            return
        entry["clean"] = reading.clean
        if not reading.clean:
            context.recorder.warn([f"Categories: {reading.why_unclean}"])
            return
        bury(
            context,
            model=Category,
            seen=reading.ids,
            get=client.categories.get,
            control=lambda: client.categories.list(page=1, limit=1),
            mourn=lambda ids, now: None,
        )


def _read_everything(context: SyncContext) -> None:
    client = context.client
    checkpoint = context.cursor.checkpoint
    before = frozenset(_live(context).values_list("pk", flat=True).iterator())
    with context.recorder.step("products: full pass") as entry:
        reading = read_through(
            context,
            fetch=lambda page: client.products.list(
                page=page, limit=PAGE_SIZE, sort_by="createdAt", sort_order="asc"
            ),
            write=lambda batch, now: _announce(context, _write(context, batch, now).changes),
        )
        entry["clean"] = reading.clean
        # Only a second look at the same set of products makes sure that none was shifted past
        # the first. Until then each run reads everything.
        checkpoint["settled"] = reading.clean and reading.ids == before
        if not reading.clean:
            context.recorder.warn([f"Products: {reading.why_unclean}"])
            return
        bury(
            context,
            model=Product,
            seen=reading.ids,
            get=client.products.get,
            control=lambda: client.products.list(page=1, limit=1),
            mourn=lambda ids, now: _mourn(context, ids, now),
        )
        context.cursor.last_full_at = timezone.now()


def _read_newest_changes(context: SyncContext) -> bool:
    """Read by last change, newest first, until a whole page is known and the totals agree.

    Returns:
        False when only a full pass can tell the difference between here and there.
    """
    with context.recorder.step("products: newest changes"):
        number = 1
        while True:
            page = context.reader.one(
                lambda at=number: context.client.products.list(  # type: ignore[misc]
                    page=at, limit=PAGE_SIZE, sort_by="updatedAt", sort_order="desc"
                )
            )
            context.recorder.warn(page.warnings)
            with context.writing() as now:
                outcome = _write(context, page.items, now)
            _announce(context, outcome.changes)
            if not outcome.changes or number >= page.total_pages:
                break
            number += 1
        here = _live(context)
        in_doubt = here.filter(absences__gt=0).exists()
        return not in_doubt and here.count() == page.total


def _write(
    context: SyncContext, batch: Sequence[schemas.Product], now: datetime
) -> Outcome[Product]:
    for item in batch:
        context.recorder.warn(item.warnings)
    store_id = context.store.pk
    rows = [product_row(item, store_id=store_id, now=now) for item in batch]
    outcome = upsert(Product, rows, dry_run=context.dry_run)
    context.recorder.add(outcome)
    changed = {change.row.pk for change in outcome.changes}
    if changed and not context.dry_run:
        written = {item.id: item for item in batch if item.id in changed}
        _write_variants(context, written, now)
        _write_category_links(written)
    return outcome


def _write_variants(
    context: SyncContext, written: dict[str, schemas.Product], now: datetime
) -> None:
    rows = [
        variant_row(variant, position=position, product=product, store_id=context.store.pk, now=now)
        for product in written.values()
        for position, variant in enumerate(product.variants)
    ]
    present = {row.pk for row in rows}
    known = ProductVariant.objects.filter(product_id__in=written, gone_at__isnull=True)
    vanished = [pk for pk in known.values_list("pk", flat=True) if pk not in present]
    context.recorder.add(upsert(ProductVariant, rows))
    context.recorder.run.rows_gone += mark_gone(ProductVariant, ids=vanished, now=now)
    context.recorder.buried(ProductVariant, vanished)


def _write_category_links(written: dict[str, schemas.Product]) -> None:
    wanted = {(product.id, pk) for product in written.values() for pk in product.category_ids}
    links = ProductCategory.objects.filter(product_id__in=written)
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


def _mourn(context: SyncContext, product_ids: list[str], now: datetime) -> None:
    variants = ProductVariant.objects.filter(
        Among(F("product_id"), product_ids), gone_at__isnull=True
    )
    ids = list(variants.values_list("pk", flat=True))
    context.recorder.run.rows_gone += mark_gone(ProductVariant, ids=ids, now=now)
    context.recorder.buried(ProductVariant, ids)
    if _heard(context):
        gone = Product.objects.filter(Among(F("pk"), product_ids))
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
                for product in gone
            ],
        )


def _heard(context: SyncContext) -> bool:
    silent = context.first or context.dry_run
    return not silent and signals.product_synced.has_listeners(Product)


def _announce(context: SyncContext, changes: Sequence[Change[Product]]) -> None:
    if not _heard(context):
        return

    def send(changes: Sequence[Change[Product]] = tuple(changes)) -> None:
        for change in changes:
            signals.send(
                signals.product_synced,
                sender=Product,
                product=change.row,
                created=change.created,
                changed=change.columns,
            )

    transaction.on_commit(send, robust=True)
