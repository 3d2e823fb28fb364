"""Products, categories and coupons, as the Store API lists and changes them."""

from __future__ import annotations

from pandabase_django.sandbox.api.catalog.items import ItemKind
from pandabase_django.sandbox.api.catalog.writes import (
    create_category,
    create_coupon,
    create_product,
    update_category,
    update_coupon,
    update_product,
)
from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.validation import Field, Invalid
from pandabase_django.sandbox.store.held import Item
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.views import product_form

__all__ = ["CATEGORIES", "COUPONS", "PRODUCTS"]

_ORDER = Field(str, choices=("asc", "desc"))
_SEARCH = Field(str, high=128)


def _product_form(call: Call, item: Item) -> Json:
    return product_form(call.state, item, timestamps=call.services.settings.product_timestamps)


def _check_product(call: Call, body: Json) -> None:
    new_subscription = call.request.method == "POST" and body["productType"] == "SUBSCRIPTION"
    if new_subscription and "billingInterval" not in body:
        raise Invalid("A subscription product needs a billingInterval", status=400)
    for identity in body.get("categoryIds", []):
        index = call.state.ids.index_of("category", identity)
        item = None if index is None else call.state.categories.find(index)
        if item is None or item.deleted:
            raise Invalid(f"categoryIds names an unknown category: {identity}", status=400)


PRODUCTS = ItemKind(
    kind="product",
    query={
        "search": _SEARCH,
        "productType": Field(str, choices=("SUBSCRIPTION", "DIGITAL_DOWNLOAD", "LICENSE_KEY")),
        "status": Field(str, choices=("DRAFT", "ACTIVE")),
        "pricingModel": Field(
            str, choices=("STANDARD", "PAY_WHAT_YOU_WANT", "FREE", "USAGE_BASED")
        ),
        "inStock": Field(bool),
        "categoryId": Field(str, low=12, high=48),
        "sortBy": Field(str, choices=("title", "price", "createdAt", "updatedAt")),
        "sortOrder": _ORDER,
    },
    search_in=("title", "handle"),
    create=create_product,
    update=update_product,
    form=_product_form,
    check=_check_product,
    # What a soft-deleted one answers is a setting. Source: P-20.
    shows_deleted=lambda call: call.services.settings.deleted_product_get == "200",
)
CATEGORIES = ItemKind(
    kind="category",
    query={
        "search": _SEARCH,
        "parentId": Field(str, low=12, high=48),
        "featured": Field(bool),
        "isFavourite": Field(bool),
        "isArchived": Field(bool),
        "sortBy": Field(str, choices=("displayOrder", "name", "createdAt", "updatedAt")),
        "sortOrder": _ORDER,
    },
    search_in=("name", "slug"),
    create=create_category,
    update=update_category,
)
COUPONS = ItemKind(
    kind="coupon",
    query={
        "search": _SEARCH,
        "type": Field(str, choices=("FIXED", "PERCENTAGE")),
        "enabled": Field(bool),
        "sortBy": Field(str, choices=("code", "createdAt", "updatedAt", "value", "timesUsed")),
        "sortOrder": _ORDER,
    },
    search_in=("code", "displayName"),
    create=create_coupon,
    update=update_coupon,
)
