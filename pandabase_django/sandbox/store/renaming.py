"""Gives objects ids of another form, as legitimate ones may be."""

from __future__ import annotations

from collections.abc import Callable

from pandabase_django.sandbox.seed.identity import ODD_ENDINGS, Identities
from pandabase_django.sandbox.store.dated import DatedRecords
from pandabase_django.sandbox.store.held import HeldItems
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["give_foreign_ids", "give_odd_ids", "rename", "renaming"]

_FOREIGN = 3
"""So many objects of each kind have the ids of another store's."""


def renaming(kind: str) -> Callable[[StoreState, Json], list[str]]:
    """A change: the object ``index``, or that with the ``id``, is called ``to`` from now on."""

    def change(state: StoreState, given: Json) -> list[str]:
        index = given.get("index")
        if "id" in given:
            index = state.ids.index_of(kind, str(given["id"]))
        if index is None:
            raise LookupError(f"no such {kind}")
        return [rename(state, kind, int(index), to=str(given["to"]))]

    return change


def rename(state: StoreState, kind: str, index: int, *, to: str) -> str:
    """Call an object by another id; the old one is not found any more."""
    payload = _objects(state)[kind].touch(index).payload
    before, payload["id"] = payload["id"], to
    state.ids.rename(kind, index, to)
    if kind == "category":
        for number, item in list(state.products.every()):
            if before in item.category_ids:
                linked = state.products.touch(number).category_ids
                linked[linked.index(before)] = to
    state.products.changed()
    return to


def give_odd_ids(state: StoreState) -> None:
    """Let one object of each kind have each of the odd endings, from the first on."""
    for kind, objects in _objects(state).items():
        for index, ending in enumerate(ODD_ENDINGS):
            found = objects.find(index)
            if found is not None:
                rename(state, kind, index, to=found.payload["id"] + ending)


def give_foreign_ids(state: StoreState, *, seed: int) -> None:
    """Call the first objects of each kind as the store of another seed calls its own."""
    foreign = Identities(seed)
    for kind, objects in _objects(state).items():
        for index in range(_FOREIGN):
            if objects.find(index) is not None:
                rename(state, kind, index, to=foreign.make(kind, index))


def _objects(state: StoreState) -> dict[str, DatedRecords | HeldItems]:
    return {"order": state.orders, "product": state.products, "category": state.categories}
