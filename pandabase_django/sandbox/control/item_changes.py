"""What a test can do to products, categories and coupons."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from pandabase_django.sandbox.api.catalog.items import ItemKind
from pandabase_django.sandbox.api.catalog.kinds import CATEGORIES, COUPONS, PRODUCTS
from pandabase_django.sandbox.control.target import target_of
from pandabase_django.sandbox.store.held import Item
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["ITEM_CHANGES"]

# What makes and changes an item of each kind, and the body of one that a test says nothing of.
_KINDS: dict[str, tuple[ItemKind, Json]] = {
    "product": (PRODUCTS, {"title": "New product", "price": 1500, "productType": "LICENSE_KEY"}),
    "category": (CATEGORIES, {"name": "New category"}),
    "coupon": (COUPONS, {"code": "NEW", "type": "PERCENTAGE", "value": 10}),
}


def _flag_item(kind: str, name: str, value: bool) -> Callable[[StoreState, Json], list[str]]:
    def flag(state: StoreState, change: Json) -> list[str]:
        _, index = target_of(state, change, kind)
        setattr(state.items_by_kind[kind].touch(index), name, value)
        state.products.changed()
        return [state.ids.make(kind, index)]

    return flag


def _create_item(kind: str) -> Callable[[StoreState, Json], list[str]]:
    def create(state: StoreState, change: Json) -> list[str]:
        item_kind, body = _KINDS[kind]
        fields: Json = dict(change.get("fields", {}))
        made = []
        for _ in range(int(change.get("count", 1))):
            index = item_kind.create(state, {**body, **_writable(fields)})
            _force(state.items_by_kind[kind].touch(index), fields)
            made.append(state.ids.make(kind, index))
        return made

    return create


def _edit_item(kind: str) -> Callable[[StoreState, Json], list[str]]:
    def edit(state: StoreState, change: Json) -> list[str]:
        _, index = target_of(state, change, kind)
        fields: Json = change.get("fields", {})
        touch = bool(change.get("touch", True))
        _KINDS[kind][0].update(state, index, _writable(fields), touch=touch)
        _force(state.items_by_kind[kind].touch(index), fields)
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


ITEM_CHANGES: dict[str, Callable[[StoreState, Json], list[str]]] = {
    f"{verb}_{kind}": change
    for kind in _KINDS
    for verb, change in (
        ("create", _create_item(kind)),
        ("edit", _edit_item(kind)),
        ("delete", _flag_item(kind, "deleted", True)),
        ("undelete", _flag_item(kind, "deleted", False)),
        ("hide", _flag_item(kind, "hidden", True)),
        ("show", _flag_item(kind, "hidden", False)),
    )
}
