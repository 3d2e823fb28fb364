"""What a test can do to products, categories and coupons."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from pandabase_django.sandbox.api.catalog import CATEGORIES, COUPONS, PRODUCTS
from pandabase_django.sandbox.api.shelves import OnShelf
from pandabase_django.sandbox.control.target import target_of
from pandabase_django.sandbox.store.held import Item
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["SHELF_CHANGES"]

# What makes and changes an object on a shelf, and the body of one that a test says nothing of.
_ON_SHELVES: dict[str, tuple[OnShelf, Json]] = {
    "product": (PRODUCTS, {"title": "New product", "price": 1500, "productType": "LICENSE_KEY"}),
    "category": (CATEGORIES, {"name": "New category"}),
    "coupon": (COUPONS, {"code": "NEW", "type": "PERCENTAGE", "value": 10}),
}


def _flag_shelf(kind: str, name: str, value: bool) -> Callable[[StoreState, Json], list[str]]:
    def flag(state: StoreState, change: Json) -> list[str]:
        _, index = target_of(state, change, kind)
        setattr(state.shelves[kind].touch(index), name, value)
        state.products.changed()
        return [state.ids.make(kind, index)]

    return flag


def _create_on_shelf(kind: str) -> Callable[[StoreState, Json], list[str]]:
    def create(state: StoreState, change: Json) -> list[str]:
        on_shelf, body = _ON_SHELVES[kind]
        fields: Json = dict(change.get("fields", {}))
        made = []
        for _ in range(int(change.get("count", 1))):
            index = on_shelf.create(state, {**body, **_writable(fields)})
            _force(state.shelves[kind].touch(index), fields)
            made.append(state.ids.make(kind, index))
        return made

    return create


def _edit_on_shelf(kind: str) -> Callable[[StoreState, Json], list[str]]:
    def edit(state: StoreState, change: Json) -> list[str]:
        _, index = target_of(state, change, kind)
        fields: Json = change.get("fields", {})
        touch = bool(change.get("touch", True))
        _ON_SHELVES[kind][0].update(state, index, _writable(fields), touch=touch)
        _force(state.shelves[kind].touch(index), fields)
        state.products.changed()
        return [state.ids.make(kind, index)]

    return edit


def _writable(fields: Json) -> Json:
    """What goes through the ordinary write; the rest is forced on as it is."""
    return {
        key: fields[key] for key in ("variants", "categoryIds") if isinstance(fields.get(key), list)
    }


def _force(item: Item, fields: Json) -> None:
    for path, value in deepcopy(fields).items():
        if path in ("variants", "categoryIds") and isinstance(value, list):
            item.fields.pop("variants" if path == "variants" else "categories", None)
        elif path in item.payload and path not in ("variants", "categories"):
            item.payload[path] = value
        else:
            item.fields[path] = value


SHELF_CHANGES: dict[str, Callable[[StoreState, Json], list[str]]] = {
    f"{verb}_{kind}": change
    for kind in _ON_SHELVES
    for verb, change in (
        ("create", _create_on_shelf(kind)),
        ("edit", _edit_on_shelf(kind)),
        ("delete", _flag_shelf(kind, "deleted", True)),
        ("undelete", _flag_shelf(kind, "deleted", False)),
        ("hide", _flag_shelf(kind, "hidden", True)),
        ("show", _flag_shelf(kind, "hidden", False)),
    )
}
