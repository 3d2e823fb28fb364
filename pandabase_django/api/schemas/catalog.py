"""The store itself, its products and categories."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pandabase_django.api.reading import Fields
from pandabase_django.api.schemas.base import Parsed, children, ids

__all__ = ["Category", "Product", "StoreInfo", "Variant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreInfo(Parsed):
    """The store itself."""

    id: str
    title: str | None
    handle: str | None
    country: str | None
    currency: str | None
    created_at: datetime | None

    @classmethod
    def from_json(cls, data: object) -> StoreInfo:
        f = Fields(data, kind="store")
        return cls(
            id=f.identifier(kind="store"),
            title=f.text("title"),
            handle=f.text("handle"),
            country=f.text("country"),
            currency=f.text("currency"),
            created_at=f.time("createdAt"),
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Category(Parsed):
    """A category."""

    id: str
    name: str | None
    slug: str | None
    parent_id: str | None
    display_order: int | None
    is_archived: bool | None
    created_at: datetime | None
    updated_at: datetime | None

    @classmethod
    def from_json(cls, data: object) -> Category:
        f = Fields(data, kind="category")
        return cls(
            id=f.identifier(kind="category"),
            name=f.text("name"),
            slug=f.text("slug"),
            parent_id=f.reference("parentId"),
            display_order=f.integer("displayOrder"),
            is_archived=f.boolean("isArchived"),
            created_at=f.time("createdAt"),
            updated_at=f.time("updatedAt"),
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant(Parsed):
    """A variant of a product. Its shape is assumed: the samples show none."""

    id: str | None
    title: str | None
    price_minor: int | None
    in_stock: bool | None

    @classmethod
    def from_json(cls, data: object) -> Variant:
        f = Fields(data, kind="variant")
        return cls(
            id=f.reference("id"),
            title=f.text("title"),
            price_minor=f.integer("price"),
            in_stock=f.boolean("inStock"),
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Parsed):
    """A product. Prices are minor units (P-25); both times are missing in samples (P-20).

    ``category_ids`` and ``variants`` are None when the answer does not say which there are.
    """

    id: str
    title: str | None
    handle: str | None
    status: str | None
    product_type: str | None
    price_minor: int | None
    compare_at_price_minor: int | None
    currency: str | None
    in_stock: bool | None
    created_at: datetime | None
    updated_at: datetime | None
    category_ids: tuple[str, ...] | None
    variants: tuple[Variant, ...] | None

    @classmethod
    def from_json(cls, data: object) -> Product:
        f = Fields(data, kind="product")
        identifier = f.identifier(kind="product")
        variants = children(f, "variants", Variant.from_json)
        return cls(
            id=identifier,
            title=f.text("title"),
            handle=f.text("handle"),
            status=f.text("status"),
            product_type=f.text("productType"),
            price_minor=f.integer("price"),
            compare_at_price_minor=f.integer("compareAtPrice"),
            currency=f.text("currency"),
            in_stock=f.boolean("inStock"),
            created_at=f.time("createdAt"),
            updated_at=f.time("updatedAt"),
            category_ids=ids(f, "categories"),
            variants=variants,
            payload=f.payload(),
            warnings=tuple(f.warnings),
        )
