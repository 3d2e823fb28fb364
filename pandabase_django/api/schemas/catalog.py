"""The store itself, its products, categories and coupons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pandabase_django.api.schemas.base import Parsed, children, ids
from pandabase_django.api.schemas.declared import (
    boolean,
    identifier,
    integer,
    reference,
    shown,
    text,
    time,
)

__all__ = ["Category", "Coupon", "Product", "StoreInfo", "Variant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreInfo(Parsed):
    """The store itself."""

    kind: ClassVar[str] = "store"
    id: str = identifier("store")
    title: str | None = text("title")
    handle: str | None = text("handle")
    country: str | None = text("country")
    currency: str | None = text("currency")
    created_at: datetime | None = time("createdAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Category(Parsed):
    """A category."""

    kind: ClassVar[str] = "category"
    id: str = identifier("category")
    name: str | None = text("name")
    slug: str | None = text("slug")
    parent_id: str | None = reference("parentId")
    display_order: int | None = integer("displayOrder")
    is_archived: bool | None = boolean("isArchived")
    created_at: datetime | None = time("createdAt")
    updated_at: datetime | None = time("updatedAt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant(Parsed):
    """A variant of a product. Its shape is assumed: the samples show none."""

    kind: ClassVar[str] = "variant"
    id: str | None = reference("id")
    title: str | None = text("title")
    price_minor: int | None = integer("price")
    in_stock: bool | None = boolean("inStock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Parsed):
    """A product. Prices are minor units (P-25); both times are missing in samples (P-20).

    ``category_ids`` and ``variants`` are None when the answer does not say which there are.
    """

    kind: ClassVar[str] = "product"
    id: str = identifier("product")
    title: str | None = text("title")
    handle: str | None = text("handle")
    status: str | None = text("status")
    product_type: str | None = text("productType")
    price_minor: int | None = integer("price")
    compare_at_price_minor: int | None = integer("compareAtPrice")
    currency: str | None = text("currency")
    in_stock: bool | None = boolean("inStock")
    created_at: datetime | None = time("createdAt")
    updated_at: datetime | None = time("updatedAt")
    category_ids: tuple[str, ...] | None = shown("categories", read=ids)
    variants: tuple[Variant, ...] | None = shown(
        "variants", read=lambda f, name: children(f, name, Variant.from_json)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon(Parsed):
    """A code that makes a checkout cheaper, the same in the list and alone (Source: P-56).

    Attributes:
        type: PERCENTAGE or FIXED.
        value: Percent, or minor units, by the type.
        max_uses: None when it can be used without end.
    """

    kind: ClassVar[str] = "coupon"
    id: str = identifier("coupon")
    code: str | None = text("code")
    display_name: str | None = text("displayName")
    type: str | None = text("type")
    value: int | None = integer("value")
    minimum_purchase_minor: int | None = integer("minimumPurchase")
    is_enabled: bool | None = boolean("enabled")
    times_used: int | None = integer("timesUsed")
    max_uses: int | None = integer("maxUses")
    starts_at: datetime | None = time("startsAt")
    expires_at: datetime | None = time("expiresAt")
    created_at: datetime | None = time("createdAt")
    updated_at: datetime | None = time("updatedAt")
