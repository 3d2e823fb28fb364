"""Products and categories: list, get, create, update, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pandabase_django.sandbox.bodies import CATEGORY_FIELDS, PRODUCT_FIELDS
from pandabase_django.sandbox.catalog_writes import (
    create_category,
    create_product,
    update_category,
    update_product,
)
from pandabase_django.sandbox.context import Call
from pandabase_django.sandbox.readings import category_form, product_form
from pandabase_django.sandbox.shapes import Json, dump_json, page
from pandabase_django.sandbox.shelf import Item, Shelf
from pandabase_django.sandbox.validation import Field, Invalid, check_body, check_query, paging
from pandabase_django.sandbox.wire import Response, failure, success

__all__ = [
    "delete_category",
    "delete_product",
    "get_category",
    "get_product",
    "list_categories",
    "list_products",
    "patch_category",
    "patch_product",
    "post_category",
    "post_product",
]

_ORDER = Field(str, choices=("asc", "desc"))
_SEARCH = Field(str, high=128)
_PRODUCT_QUERY = {
    "search": _SEARCH,
    "productType": Field(str, choices=("SUBSCRIPTION", "DIGITAL_DOWNLOAD", "LICENSE_KEY")),
    "status": Field(str, choices=("DRAFT", "ACTIVE")),
    "pricingModel": Field(str, choices=("STANDARD", "PAY_WHAT_YOU_WANT", "FREE", "USAGE_BASED")),
    "inStock": Field(bool),
    "categoryId": Field(str, high=48),
    "sortBy": Field(str, choices=("title", "price", "createdAt", "updatedAt")),
    "sortOrder": _ORDER,
}
_CATEGORY_QUERY = {
    "search": _SEARCH,
    "parentId": Field(str, high=48),
    "featured": Field(bool),
    "isFavourite": Field(bool),
    "isArchived": Field(bool),
    "sortBy": Field(str, choices=("displayOrder", "name", "createdAt", "updatedAt")),
    "sortOrder": _ORDER,
}


def list_products(call: Call) -> Response:
    """Newest first unless sorted otherwise; soft-deleted ones are left out. Source: P-20."""
    timestamps = call.services.settings.product_timestamps
    return _list(
        call,
        call.state.products,
        kind=f"products:{timestamps}",
        known=_PRODUCT_QUERY,
        search_in=("title", "handle"),
        render=lambda item: product_form(call.state, item, timestamps=timestamps),
    )


def get_product(call: Call) -> Response:
    """One product. What a soft-deleted one answers is a setting. Source: P-20."""
    settings = call.services.settings
    item = call.state.products.find(call.index("product"))
    if item is None or (item.deleted and settings.deleted_product_get == "404"):
        return failure(404, "Product not found")
    return success(product_form(call.state, item, timestamps=settings.product_timestamps))


def post_product(call: Call) -> Response:
    """Create."""
    body = check_body(call.request.json(), PRODUCT_FIELDS)
    _check_categories(call, body)
    return _product(call, create_product(call.state, body), status=201)


def patch_product(call: Call) -> Response:
    """Change; variants are replaced as a whole, known ids keep what is not named."""
    index = _live(call, call.state.products, "product")
    body = check_body(call.request.json(), PRODUCT_FIELDS, partial=True)
    _check_categories(call, body)
    update_product(call.state, index, body)
    return _product(call, index, status=200)


def delete_product(call: Call) -> Response:
    """Soft-delete: orders keep naming it."""
    call.state.products.touch(_live(call, call.state.products, "product")).deleted = True
    return success({"deleted": True})


def list_categories(call: Call) -> Response:
    """Newest first unless sorted otherwise."""
    return _list(
        call,
        call.state.categories,
        kind="categories",
        known=_CATEGORY_QUERY,
        search_in=("name", "slug"),
        render=category_form,
    )


def get_category(call: Call) -> Response:
    """One category."""
    index = _live(call, call.state.categories, "category")
    return _category(call, index, status=200)


def post_category(call: Call) -> Response:
    """Create."""
    body = check_body(call.request.json(), CATEGORY_FIELDS)
    return _category(call, create_category(call.state, body), status=201)


def patch_category(call: Call) -> Response:
    """Change."""
    index = _live(call, call.state.categories, "category")
    update_category(
        call.state, index, check_body(call.request.json(), CATEGORY_FIELDS, partial=True)
    )
    return _category(call, index, status=200)


def delete_category(call: Call) -> Response:
    """Delete; its products stay."""
    call.state.categories.touch(_live(call, call.state.categories, "category")).deleted = True
    call.state.products.changed()
    return success({"deleted": True})


def _product(call: Call, index: int, *, status: int) -> Response:
    item = call.state.products.touch(index)
    timestamps = call.services.settings.product_timestamps
    return success(product_form(call.state, item, timestamps=timestamps), status=status)


def _category(call: Call, index: int, *, status: int) -> Response:
    item = call.state.categories.find(index)
    if item is None:
        return failure(404, "Category not found")
    return success(category_form(item), status=status)


def _live(call: Call, shelf: Shelf, kind: str) -> int:
    """The index of an object that exists and is not deleted.

    Raises:
        Invalid: With status 404.
    """
    index = call.index(kind)
    item = shelf.find(index)
    if item is None or item.deleted:
        raise Invalid(f"{kind.capitalize()} not found", status=404)
    return index


def _check_categories(call: Call, body: Json) -> None:
    for identity in body.get("categoryIds", []):
        index = call.state.ids.index_of("category", identity)
        item = None if index is None else call.state.categories.find(index)
        if item is None or item.deleted:
            raise Invalid(f"categoryIds names an unknown category: {identity}", status=422)


def _list(
    call: Call,
    shelf: Shelf,
    *,
    kind: str,
    known: dict[str, Field],
    search_in: tuple[str, ...],
    render: Callable[[Item], Json],
) -> Response:
    query = call.request.query()
    check_query(query, known)
    wanted = paging(query)
    sort, newest_first = query.get("sortBy", "createdAt"), query.get("sortOrder") != "asc"
    asked = tuple(sorted((key, query[key]) for key in known if key in query))
    name = (kind, asked)
    key = (name, wanted.page, wanted.limit, shelf.version, call.state.categories.version)
    body = call.services.pages.get(key)
    if body is None:
        listed = shelf.listing(
            name,
            matches=lambda item: _matches(item, query, known, search_in),
            sort_key=lambda item: _sort_key(item, sort),
            newest_first=newest_first,
        )
        found = (shelf.find(index) for index in listed[wanted.start : wanted.start + wanted.limit])
        items = [dump_json(render(item)) for item in found if item is not None]
        body = page(items, page_number=wanted.page, limit=wanted.limit, total=len(listed))
        call.services.pages.put(key, body)
    return Response(200, body)


def _matches(
    item: Item, query: dict[str, str], known: dict[str, Field], search_in: tuple[str, ...]
) -> bool:
    payload = item.payload
    for name, field in known.items():
        wanted = query.get(name)
        if wanted is None or name in ("sortBy", "sortOrder"):
            continue
        if name == "search":
            if not any(wanted.lower() in str(payload.get(key)).lower() for key in search_in):
                return False
        elif name == "categoryId":
            if wanted not in item.category_ids:
                return False
        elif field.kind is bool:
            if payload.get(name) is not (wanted == "true"):
                return False
        elif payload.get(name) != wanted:
            return False
    return True


def _sort_key(item: Item, sort: str) -> Any:
    if sort == "createdAt":
        return item.created_ms
    if sort == "updatedAt":
        return item.updated_ms
    value = item.payload.get(sort)
    if sort in ("price", "displayOrder"):
        return value if isinstance(value, int) else 0
    return str(value)
