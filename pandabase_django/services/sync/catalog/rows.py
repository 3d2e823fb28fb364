"""The rows of variants, which take some of their columns from their product."""

from __future__ import annotations

from datetime import datetime

from pandabase_django.api import schemas
from pandabase_django.models import ProductVariant
from pandabase_django.services.sync.mirror.rows import row_of
from pandabase_django.services.sync.mirror.upsert import child_digest, child_id

__all__ = ["variant_row"]


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
    return row_of(
        ProductVariant,
        item,
        store_id=store_id,
        now=now,
        id=child_id(item.id, parent=product.id, position=position),
        digest=child_digest(item.digest, position=position, currency=currency),
        product_id=product.id,
        position=position,
        currency=currency,
    )
