"""Bodies, filters and paths: products, categories and coupons. Amounts are minor units.

Written by ``.ci/params.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

__all__ = [
    "CategoriesListFilters",
    "CategoriesListQuery",
    "CategoryCreateBody",
    "CategoryPath",
    "CategoryUpdateBody",
    "CouponCreateBody",
    "CouponPath",
    "CouponUpdateBody",
    "CouponsListFilters",
    "CouponsListQuery",
    "ProductCreateBody",
    "ProductCreateOption",
    "ProductCreateVariant",
    "ProductPath",
    "ProductUpdateBody",
    "ProductUpdateOption",
    "ProductUpdateVariant",
    "ProductsListFilters",
    "ProductsListQuery",
]


class ProductsListQuery(TypedDict, total=False):
    """Query of ``products_list``."""

    page: int
    limit: int
    search: str
    productType: Literal["SUBSCRIPTION", "DIGITAL_DOWNLOAD", "LICENSE_KEY"]
    status: Literal["DRAFT", "ACTIVE"]
    pricingModel: Literal["STANDARD", "PAY_WHAT_YOU_WANT", "FREE", "USAGE_BASED"]
    inStock: bool
    categoryId: str
    sortBy: Literal["title", "price", "createdAt", "updatedAt"]
    sortOrder: Literal["asc", "desc"]


class ProductsListFilters(TypedDict, total=False):
    """Filters of the method for ``products_list``."""

    search: str
    product_type: Literal["SUBSCRIPTION", "DIGITAL_DOWNLOAD", "LICENSE_KEY"]
    status: Literal["DRAFT", "ACTIVE"]
    pricing_model: Literal["STANDARD", "PAY_WHAT_YOU_WANT", "FREE", "USAGE_BASED"]
    in_stock: bool
    category_id: str
    sort_by: Literal["title", "price", "createdAt", "updatedAt"]
    sort_order: Literal["asc", "desc"]


class _ProductCreateVariant(TypedDict):
    title: str
    options: object
    price: int


class ProductCreateVariant(_ProductCreateVariant, total=False):
    """A part of a body."""

    slug: str
    description: str
    sku: str
    compareAtPrice: int
    images: Sequence[str]
    inStock: bool
    quantity: int
    trackStock: bool
    position: int


class _ProductCreateOption(TypedDict):
    name: str
    values: Sequence[str]


class ProductCreateOption(_ProductCreateOption, total=False):
    """A part of a body."""

    position: int


class _ProductCreateBody(TypedDict):
    title: str
    productType: Literal["SUBSCRIPTION", "DIGITAL_DOWNLOAD", "LICENSE_KEY"]
    price: int


class ProductCreateBody(_ProductCreateBody, total=False):
    """Body of ``product_create``."""

    subtitle: str
    description: str
    compareAtPrice: int
    images: Sequence[str]
    message: str
    fulfillmentMode: Literal[
        "MANAGED_LICENSE",
        "LICENSE_POOL",
        "LICENSE_WEBHOOK",
        "INSTANT_DOWNLOAD",
        "REDIRECT",
        "MANUAL",
    ]
    pricingModel: Literal["STANDARD", "PAY_WHAT_YOU_WANT", "FREE", "USAGE_BASED"]
    status: Literal["DRAFT", "ACTIVE"]
    minimumPrice: int
    maxPerCustomer: int
    availableFrom: str
    availableUntil: str
    downloadUrl: str
    redirectUrl: str
    keyFormat: Literal["ALPHANUMERIC", "UUID", "CUSTOM_PREFIX"]
    customPrefix: str
    maxActivations: int
    licenseDuration: Literal["THIRTY_DAYS", "NINETY_DAYS", "ONE_YEAR", "LIFETIME"]
    revokeOnRefund: bool
    lowStockThreshold: int
    webhookUrl: str
    webhookSecret: str
    billingInterval: Literal["WEEKLY", "MONTHLY", "YEARLY"]
    billingAnchor: Literal["IMMEDIATELY", "END_OF_PERIOD"]
    trialDays: int
    licenseKeys: Sequence[str]
    variants: Sequence[ProductCreateVariant]
    options: Sequence[ProductCreateOption]
    categoryIds: Sequence[str]


class ProductPath(TypedDict):
    """What the path of ``product_get`` names."""

    product_id: str


class ProductUpdateVariant(TypedDict, total=False):
    """A part of a body."""

    id: str
    title: str
    slug: str | None
    description: str | None
    sku: str | None
    options: object
    price: int
    compareAtPrice: int | None
    images: Sequence[str]
    inStock: bool
    quantity: int | None
    trackStock: bool
    position: int


class _ProductUpdateOption(TypedDict):
    name: str
    values: Sequence[str]


class ProductUpdateOption(_ProductUpdateOption, total=False):
    """A part of a body."""

    position: int


class ProductUpdateBody(TypedDict, total=False):
    """Body of ``product_update``."""

    title: str
    subtitle: str | None
    description: str | None
    productType: Literal["SUBSCRIPTION", "DIGITAL_DOWNLOAD", "LICENSE_KEY"]
    price: int
    compareAtPrice: int | None
    images: Sequence[str]
    message: str | None
    inStock: bool
    fulfillmentMode: (
        Literal[
            "MANAGED_LICENSE",
            "LICENSE_POOL",
            "LICENSE_WEBHOOK",
            "INSTANT_DOWNLOAD",
            "REDIRECT",
            "MANUAL",
        ]
        | None
    )
    pricingModel: Literal["STANDARD", "PAY_WHAT_YOU_WANT", "FREE", "USAGE_BASED"]
    status: Literal["DRAFT", "ACTIVE"]
    minimumPrice: int | None
    maxPerCustomer: int | None
    availableFrom: str | None
    availableUntil: str | None
    downloadUrl: str | None
    redirectUrl: str | None
    keyFormat: Literal["ALPHANUMERIC", "UUID", "CUSTOM_PREFIX"] | None
    customPrefix: str | None
    maxActivations: int | None
    licenseDuration: Literal["THIRTY_DAYS", "NINETY_DAYS", "ONE_YEAR", "LIFETIME"] | None
    revokeOnRefund: bool
    lowStockThreshold: int | None
    webhookUrl: str | None
    webhookSecret: str | None
    billingInterval: Literal["WEEKLY", "MONTHLY", "YEARLY"] | None
    billingAnchor: Literal["IMMEDIATELY", "END_OF_PERIOD"] | None
    trialDays: int | None
    licenseKeys: Sequence[str]
    variants: Sequence[ProductUpdateVariant]
    options: Sequence[ProductUpdateOption]
    categoryIds: Sequence[str]


class CategoriesListQuery(TypedDict, total=False):
    """Query of ``categories_list``."""

    page: int
    limit: int
    search: str
    parentId: str
    featured: bool
    isFavourite: bool
    isArchived: bool
    sortBy: Literal["displayOrder", "name", "createdAt", "updatedAt"]
    sortOrder: Literal["asc", "desc"]


class CategoriesListFilters(TypedDict, total=False):
    """Filters of the method for ``categories_list``."""

    search: str
    parent_id: str
    featured: bool
    is_favourite: bool
    is_archived: bool
    sort_by: Literal["displayOrder", "name", "createdAt", "updatedAt"]
    sort_order: Literal["asc", "desc"]


class _CategoryCreateBody(TypedDict):
    name: str


class CategoryCreateBody(_CategoryCreateBody, total=False):
    """Body of ``category_create``."""

    slug: str
    description: str
    parentId: str
    displayOrder: int
    icon: str
    metaTitle: str
    metaDescription: str
    showInNavigation: bool
    featured: bool
    isFavourite: bool
    isArchived: bool
    productIds: Sequence[str]


class CategoryPath(TypedDict):
    """What the path of ``category_get`` names."""

    category_id: str


class CategoryUpdateBody(TypedDict, total=False):
    """Body of ``category_update``."""

    name: str
    slug: str
    description: str | None
    parentId: str | None
    displayOrder: int
    icon: str | None
    metaTitle: str | None
    metaDescription: str | None
    showInNavigation: bool
    featured: bool
    isFavourite: bool
    isArchived: bool
    productIds: Sequence[str]


class CouponsListQuery(TypedDict, total=False):
    """Query of ``coupons_list``."""

    page: int
    limit: int
    search: str
    type: Literal["FIXED", "PERCENTAGE"]
    enabled: bool
    sortBy: Literal["code", "createdAt", "updatedAt", "value", "timesUsed"]
    sortOrder: Literal["asc", "desc"]


class CouponsListFilters(TypedDict, total=False):
    """Filters of the method for ``coupons_list``."""

    search: str
    type: Literal["FIXED", "PERCENTAGE"]
    enabled: bool
    sort_by: Literal["code", "createdAt", "updatedAt", "value", "timesUsed"]
    sort_order: Literal["asc", "desc"]


class _CouponCreateBody(TypedDict):
    code: str
    type: Literal["FIXED", "PERCENTAGE"]
    value: int


class CouponCreateBody(_CouponCreateBody, total=False):
    """Body of ``coupon_create``."""

    displayName: str
    description: str
    minimumPurchase: int
    maxUses: int
    maxUsesPerCustomer: int
    firstPurchaseOnly: bool
    startsAt: str
    expiresAt: str
    enabled: bool
    productIds: Sequence[str]


class CouponPath(TypedDict):
    """What the path of ``coupon_get`` names."""

    coupon_id: str


class CouponUpdateBody(TypedDict, total=False):
    """Body of ``coupon_update``."""

    code: str
    displayName: str | None
    description: str | None
    type: Literal["FIXED", "PERCENTAGE"]
    value: int
    minimumPurchase: int | None
    maxUses: int | None
    maxUsesPerCustomer: int | None
    firstPurchaseOnly: bool
    startsAt: str | None
    expiresAt: str | None
    enabled: bool
    productIds: Sequence[str] | None
