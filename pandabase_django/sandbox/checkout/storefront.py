"""What everybody may see of the store: the five reads of the Storefront API. Source: P-43."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pandabase_django.sandbox.api.validation import Field, check_query, paging
from pandabase_django.sandbox.checkout.visit import Visit
from pandabase_django.sandbox.http.wire import Response, failure, success
from pandabase_django.sandbox.store.held import HeldItems, Item
from pandabase_django.sandbox.store.shapes import Json, dump_json, page
from pandabase_django.sandbox.store.views import item_form, product_form, store_form

__all__ = ["get_category", "get_product", "get_store", "list_categories", "list_products"]

_LISTED = (
    "id",
    "title",
    "subtitle",
    "handle",
    "price",
    "compareAtPrice",
    "images",
    "inStock",
    "currency",
    "productType",
    "pricingModel",
    "status",
    "minimumPrice",
    "categories",
)
_DETAILED = (
    *_LISTED,
    "description",
    "maxPerCustomer",
    "fulfillmentMode",
    "availableFrom",
    "availableUntil",
    "options",
    "variants",
)
_OF_A_CATEGORY = ("id", "title", "handle", "price", "images", "inStock")
_CATEGORY_LISTED = (
    "id",
    "name",
    "slug",
    "description",
    "icon",
    "parentId",
    "displayOrder",
    "featured",
)
_MOST_OF_A_CATEGORY = 50
_PRODUCT_QUERY = {
    "productType": Field(
        str,
        choices=(
            "SERIAL",
            "SERVICE",
            "ONE_TIME",
            "PHYSICAL",
            "SUBSCRIPTION",
            "DIGITAL_DOWNLOAD",
            "LICENSE_KEY",
        ),
    ),
    "pricingModel": Field(str, choices=("STANDARD", "PAY_WHAT_YOU_WANT", "FREE")),
    "sortBy": Field(str, choices=("title", "price", "createdAt")),
    "sortOrder": Field(str, choices=("asc", "desc")),
}
_CATEGORY_QUERY = {"featured": Field(bool)}


def get_store(visit: Visit) -> Response:
    """Name and looks of the store."""
    store = store_form(visit.state)
    return success(
        {
            "id": store["id"],
            "name": store["title"],
            "handle": store["handle"],
            "slug": store["handle"],
            "description": store["description"],
            "summary": None,
            "logo": None,
            "favicon": None,
            "accentColor": None,
            "primaryColor": None,
            "supportEmail": None,
            "category": ["SOFTWARE"],
        }
    )


def list_products(visit: Visit) -> Response:
    """Products on sale, newest first unless sorted otherwise."""
    query = visit.request.query()
    check_query(query, _PRODUCT_QUERY)

    def matches(product: Json, item: Item) -> bool:
        return (
            product["status"] == "ACTIVE"
            and query.get("search", "").lower() in str(product["title"]).lower()
            and query.get("categoryId", "") in ("", *item.category_ids)
            and query.get("productType", "") in ("", product["productType"])
            and query.get("pricingModel", "") in ("", product["pricingModel"])
        )

    sort = query.get("sortBy", "createdAt")
    return _list(
        visit,
        visit.state.products,
        form=lambda item: product_form(visit.state, item, timestamps=False),
        matches=matches,
        sort_key=lambda product, item: item.created_ms if sort == "createdAt" else product[sort],
        show=lambda product: _only(product, _LISTED),
    )


def get_product(visit: Visit) -> Response:
    """One product that is on sale, with its variants."""
    item = _found(visit, visit.state.products, "product")
    product = item and product_form(visit.state, item, timestamps=False)
    if not product or product["status"] != "ACTIVE":
        return failure(404, "Product not found")
    shown = _only(product, _DETAILED)
    for name in ("message", "billingInterval", "billingAnchor", "trialDays"):
        shown[name] = product.get(name)
    if product["productType"] == "SUBSCRIPTION":
        shown["billingInterval"] = product.get("billingInterval") or "MONTHLY"
    shown["options"] = [
        {"id": f"opt_{place}", **option} for place, option in enumerate(product["options"] or ())
    ]
    shown["variants"] = product["variants"] or []
    return success(shown)


def list_categories(visit: Visit) -> Response:
    """Categories in their own order."""
    query = visit.request.query()
    check_query(query, _CATEGORY_QUERY)

    def matches(category: Json, item: Item) -> bool:
        featured = query.get("featured")
        return (
            not category["isArchived"]
            and (featured is None or category["featured"] is (featured == "true"))
            and query.get("parentId", "") in ("", category["parentId"])
        )

    return _list(
        visit,
        visit.state.categories,
        form=item_form,
        matches=matches,
        sort_key=lambda category, item: -category["displayOrder"],
        show=lambda category: _only(category, _CATEGORY_LISTED),
    )


def get_category(visit: Visit) -> Response:
    """One category with its children and some of its products."""
    state = visit.state
    item = _found(visit, state.categories, "category")
    if item is None:
        return failure(404, "Category not found")
    category = item_form(item)
    shown = _only(category, _CATEGORY_LISTED)
    for name in ("metaTitle", "metaDescription", "showInNavigation"):
        shown[name] = category[name]
    shown["children"] = [
        _only(child.payload, ("id", "name", "slug"))
        for _, child in state.categories.every()
        if child.payload["parentId"] == category["id"] and not child.deleted
    ]
    products = (
        product_form(state, product, timestamps=False)
        for _, product in state.products.every()
        if category["id"] in product.category_ids and not product.deleted
    )
    active = [product for product in products if product["status"] == "ACTIVE"]
    shown["products"] = [_only(one, _OF_A_CATEGORY) for one in active[:_MOST_OF_A_CATEGORY]]
    return success(shown)


def _list(
    visit: Visit,
    held: HeldItems,
    *,
    form: Callable[[Item], Json],
    matches: Callable[[Json, Item], bool],
    sort_key: Callable[[Json, Item], Any],
    show: Callable[[Json], Json],
) -> Response:
    query = visit.request.query()
    wanted = paging(query, cap=visit.services.settings.page_cap)
    there = [(form(item), item) for _, item in held.every() if not item.deleted and not item.hidden]
    found = [one for one in there if matches(*one)]
    found.sort(key=lambda one: sort_key(*one), reverse=query.get("sortOrder") != "asc")
    shown = found[wanted.start : wanted.start + wanted.limit]
    items = [dump_json(show(one)) for one, _ in shown]
    return Response(200, page(items, page_number=wanted.page, limit=wanted.limit, total=len(found)))


def _found(visit: Visit, held: HeldItems, kind: str) -> Item | None:
    index = visit.state.ids.index_of(kind, visit.identity)
    item = None if index is None else held.find(index)
    return None if item is None or item.deleted else item


def _only(form: Json, names: tuple[str, ...]) -> Json:
    return {name: form.get(name) for name in names}
