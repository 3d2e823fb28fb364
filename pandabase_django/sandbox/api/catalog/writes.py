"""Writing products, categories and coupons from bodies that were found valid."""

from __future__ import annotations

from typing import Any

from pandabase_django.sandbox.seed.timeline import iso
from pandabase_django.sandbox.store.coupons import new_coupon
from pandabase_django.sandbox.store.held import Item
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState

__all__ = [
    "create_category",
    "create_coupon",
    "create_product",
    "update_category",
    "update_coupon",
    "update_product",
]

_RUNTIME_VARIANTS = 1 << 38
_NOT_SHOWN = ("message", "licenseKeys", "downloadUrl", "lowStockThreshold", "categoryIds")


def create_product(state: StoreState, body: Json) -> int:
    """A new product; returns its index."""
    now_ms = state.clock.now_ms()

    def make(index: int) -> Item:
        free = body["price"] == 0
        payload: Json = {
            "id": state.ids.make("product", index),
            "title": body["title"],
            "subtitle": "",
            "description": "",
            "handle": f"product-{index + 1}",
            "price": body["price"],
            "compareAtPrice": None,
            "images": [],
            "inStock": True,
            "currency": "USD",
            "productType": body["productType"],
            "fulfillmentMode": None,
            "pricingModel": "FREE" if free else "STANDARD",
            "status": "DRAFT",
            "minimumPrice": None,
            "maxPerCustomer": None,
            "availableFrom": None,
            "availableUntil": None,
            "revokeOnRefund": False,
            "options": [],
            "variants": [],
            "categories": [],
        }
        item = Item(payload, created_ms=now_ms, updated_ms=now_ms)
        _write_product(state, item, index, body)
        return item

    return state.products.add(make)


def update_product(state: StoreState, index: int, body: Json, *, touch: bool = True) -> None:
    """Change a product; ``touch=False`` leaves its time of last change as it is.

    Raises:
        LookupError: There never was such a product.
    """
    item = state.products.touch(index)
    _write_product(state, item, index, body)
    if touch:
        item.updated_ms = state.clock.now_ms()


def _write_product(state: StoreState, item: Item, index: int, body: Json) -> None:
    for key, value in body.items():
        if key not in _NOT_SHOWN and key not in ("variants", "options"):
            item.payload[key] = value
    if "options" in body:
        item.payload["options"] = [
            {"position": place, **option} for place, option in enumerate(body["options"])
        ]
    if "variants" in body:
        item.payload["variants"] = _variants(state, item, index, body["variants"])
    if "categoryIds" in body:
        item.category_ids = list(body["categoryIds"])


def _variants(state: StoreState, item: Item, index: int, wanted: list[Json]) -> list[Json]:
    """The variants as wanted: those with a known id are changed, others new, the rest go."""
    known = {variant["id"]: variant for variant in item.payload["variants"]}
    variants = []
    for place, found in enumerate(wanted):
        if not isinstance(found, dict):
            variants.append(found)  # a test wants the malformed list as it is
            continue
        blank: Json = {
            "id": "",
            "title": f"Variant {place + 1}",
            "slug": None,
            "description": None,
            "sku": None,
            "options": {},
            "price": item.payload["price"],
            "compareAtPrice": None,
            "images": [],
            "inStock": True,
            "quantity": None,
            "trackStock": False,
            "position": place,
        }
        variant = {**blank, **known.get(found.get("id"), {}), **found}
        if not variant["id"]:
            number = _RUNTIME_VARIANTS + state.new_runtime_index() % (1 << 36)
            variant["id"] = state.ids.make("variant", number)
        variants.append(variant)
    return variants


def create_category(state: StoreState, body: Json) -> int:
    """A new category; returns its index."""
    now_ms = state.clock.now_ms()

    def make(index: int) -> Item:
        payload: Json = {
            "id": state.ids.make("category", index),
            "name": body["name"],
            "slug": "-".join(str(body["name"]).lower().split()),
            "description": None,
            "parentId": None,
            "displayOrder": 0,
            "icon": None,
            "metaTitle": None,
            "metaDescription": None,
            "showInNavigation": True,
            "featured": False,
            "isFavourite": False,
            "isArchived": False,
            "createdAt": iso(now_ms),
            "updatedAt": iso(now_ms),
        }
        payload.update(_without(body, "productIds"))
        return Item(payload, created_ms=now_ms, updated_ms=now_ms)

    index = state.categories.add(make)
    _file_products(state, index, body)
    return index


def update_category(state: StoreState, index: int, body: Json, *, touch: bool = True) -> None:
    """Change a category; products show its new name at once.

    Raises:
        LookupError: There never was such a category.
    """
    item = state.categories.touch(index)
    item.payload.update(_without(body, "productIds"))
    if touch:
        item.updated_ms = state.clock.now_ms()
        item.payload["updatedAt"] = iso(item.updated_ms)
    _file_products(state, index, body)
    state.products.changed()


def create_coupon(state: StoreState, body: Json) -> int:
    """A new coupon; returns its index."""
    now_ms = state.clock.now_ms()
    return state.coupons.add(
        lambda index: new_coupon(state.ids, index, body, at_ms=now_ms, updated_ms=now_ms)
    )


def update_coupon(state: StoreState, index: int, body: Json, *, touch: bool = True) -> None:
    """Change a coupon; its code stays. Source: P-56.

    Raises:
        LookupError: There never was such a coupon.
    """
    item = state.coupons.touch(index)
    item.payload.update(_without(body, "code"))
    item.payload["productIds"] = item.payload["productIds"] or []  # null: for all products
    if touch:
        item.updated_ms = state.clock.now_ms()
        item.payload["updatedAt"] = iso(item.updated_ms)


def _file_products(state: StoreState, index: int, body: Json) -> None:
    category = state.ids.make("category", index)
    for identity in body.get("productIds", []):
        product = state.ids.index_of("product", identity)
        if product is not None and state.products.find(product) is not None:
            item = state.products.touch(product)
            if category not in item.category_ids:
                item.category_ids.append(category)


def _without(body: dict[str, Any], *keys: str) -> Json:
    return {key: value for key, value in body.items() if key not in keys}
