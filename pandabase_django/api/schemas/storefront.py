"""What the Storefront API shows of a store to everybody (Source: P-43). Prices are minor units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pandabase_django.api.schemas.base import Parsed, children, ids, texts
from pandabase_django.api.schemas.catalog import Variant
from pandabase_django.api.schemas.declared import (
    boolean,
    identifier,
    integer,
    reference,
    shown,
    text,
)

__all__ = ["Storefront", "StorefrontCategory", "StorefrontProduct"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Storefront(Parsed):
    """The store; its colours and links are in the payload."""

    kind: ClassVar[str] = "storefront"
    id: str = identifier("storefront")
    name: str | None = text("name")
    handle: str | None = text("handle")
    description: str | None = text("description")
    logo: str | None = shown("logo", read="address")
    support_email: str | None = text("supportEmail")


@dataclass(frozen=True, slots=True, kw_only=True)
class StorefrontProduct(Parsed):
    """A product that is on sale.

    Lists show less than the product's own GET: ``variants`` and ``billing_interval`` are None
    there.
    """

    kind: ClassVar[str] = "product"
    id: str = identifier("product")
    title: str | None = text("title")
    subtitle: str | None = text("subtitle")
    handle: str | None = text("handle")
    status: str | None = text("status")
    product_type: str | None = text("productType")
    pricing_model: str | None = text("pricingModel")
    price_minor: int | None = integer("price")
    compare_at_price_minor: int | None = integer("compareAtPrice")
    minimum_price_minor: int | None = integer("minimumPrice")
    currency: str | None = text("currency")
    in_stock: bool | None = boolean("inStock")
    max_per_customer: int | None = integer("maxPerCustomer")
    billing_interval: str | None = text("billingInterval")
    trial_days: int | None = integer("trialDays")
    images: tuple[str, ...] | None = shown("images", read=texts)
    category_ids: tuple[str, ...] | None = shown("categories", read=ids)
    variants: tuple[Variant, ...] | None = shown(
        "variants", read=lambda f, name: children(f, name, Variant.from_json)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StorefrontCategory(Parsed):
    """A category. Lists leave out ``child_ids`` and ``product_ids`` (at most 50): then None."""

    kind: ClassVar[str] = "category"
    id: str = identifier("category")
    name: str | None = text("name")
    slug: str | None = text("slug")
    description: str | None = text("description")
    parent_id: str | None = reference("parentId")
    display_order: int | None = integer("displayOrder")
    featured: bool | None = boolean("featured")
    child_ids: tuple[str, ...] | None = shown("children", read=ids)
    product_ids: tuple[str, ...] | None = shown("products", read=ids)
