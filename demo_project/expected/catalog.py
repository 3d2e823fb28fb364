"""Products with variants and categories, and coupons."""

from __future__ import annotations

from demo_project.expected.kinds import ABSENCES, OF_HERE, Kind, at, each, id_or_place, text, time
from pandabase_django.models import Category, Coupon, Product, ProductCategory, ProductVariant

__all__ = ["CATEGORIES", "COUPONS", "LINKS", "PRODUCTS", "VARIANTS"]

CATEGORIES = Kind(
    name="categories",
    model=Category,
    dump="categories",
    sources=lambda objects: objects,
    columns={
        "id": at("id"),
        "name": text("name"),
        "slug": text("slug"),
        "parent_id": at("parentId"),
        "display_order": at("displayOrder"),
        "is_archived": at("isArchived"),
        "created_at": time("createdAt"),
        "updated_at": time("updatedAt"),
    },
    left_out={**OF_HERE, **ABSENCES},
)
PRODUCTS = Kind(
    name="products",
    model=Product,
    dump="products",
    sources=lambda objects: objects,
    columns={
        "id": at("id"),
        "title": text("title"),
        "handle": text("handle"),
        "status": text("status"),
        "product_type": text("productType"),
        "price_minor": at("price"),
        "compare_at_price_minor": at("compareAtPrice"),
        "currency": text("currency"),
        "in_stock": at("inStock"),
        "created_at": time("createdAt"),
        "updated_at": time("updatedAt"),
    },
    left_out={**OF_HERE, **ABSENCES},
)
VARIANTS = Kind(
    name="variants",
    model=ProductVariant,
    dump="products",
    sources=each("product", "variant", "variants"),
    columns={
        "id": id_or_place("variant", "product"),
        "product_id": at("product.id"),
        "position": at("place"),
        "title": text("variant.title"),
        "price_minor": at("variant.price"),
        "currency": text("product.currency"),
        "in_stock": at("variant.inStock"),
    },
    left_out=OF_HERE,
)
LINKS = Kind(
    name="categories of products",
    model=ProductCategory,
    dump="products",
    sources=each("product", "category", "categories"),
    columns={"product_id": at("product.id"), "category_id": at("category.id")},
    left_out={"id": "A number of here."},
    owner="product__",
    key=("product_id", "category_id"),
)
COUPONS = Kind(
    name="coupons",
    model=Coupon,
    dump="coupons",
    sources=lambda objects: objects,
    columns={
        "id": at("id"),
        "code": text("code"),
        "display_name": text("displayName"),
        "type": text("type"),
        "value": at("value"),
        "minimum_purchase_minor": at("minimumPurchase"),
        "is_enabled": at("enabled"),
        "times_used": at("timesUsed"),
        "max_uses": at("maxUses"),
        "starts_at": time("startsAt"),
        "expires_at": time("expiresAt"),
        "created_at": time("createdAt"),
        "updated_at": time("updatedAt"),
    },
    left_out={**OF_HERE, **ABSENCES},
)
