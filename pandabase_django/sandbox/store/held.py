"""Objects that are few enough to be held and sorted in memory: products, categories, webhooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

from pandabase_django.sandbox.store.shapes import Json

__all__ = ["HeldItems", "Item"]


@dataclass
class Item:
    """One object with what its JSON does not show."""

    payload: Json
    created_ms: int
    updated_ms: int
    category_ids: list[str] = field(default_factory=list)
    fields: Json = field(default_factory=dict)
    """Values forced upon whatever is shown (dotted paths), since a test asked for them."""
    deleted: bool = False
    hidden: bool = False
    """Left out of lists; GET by id still answers."""


class HeldItems:
    """Objects of one kind: ``seeded_count`` computed ones and those a run made or changed."""

    KEPT: ClassVar[tuple[str, ...]] = ("count", "_overlay")

    def __init__(self, *, seeded_count: int, seeded: Callable[[int], Item]) -> None:
        self.seeded_count = seeded_count
        self.count = seeded_count
        self.version = 0
        self._seeded = lru_cache(maxsize=4096)(seeded)
        self._overlay: dict[int, Item] = {}
        self._listings: dict[Any, list[int]] = {}

    def find(self, index: int) -> Item | None:
        """Any object, deleted ones too; None when there never was one. Not for changing."""
        item = self._overlay.get(index)
        if item is None and 0 <= index < self.seeded_count:
            return self._seeded(index)
        return item

    def touch(self, index: int) -> Item:
        """The object for changing.

        Raises:
            LookupError: There never was one.
        """
        item = self._overlay.get(index)
        if item is None:
            found = self.find(index)
            if found is None:
                raise LookupError(f"no object with index {index}")
            item = self._overlay[index] = deepcopy(found)
        self.changed()
        return item

    def add(self, make: Callable[[int], Item]) -> int:
        """Put in a new object, made from the index it gets; returns that index."""
        index = self.count
        self._overlay[index] = make(index)
        self.count += 1
        self.changed()
        return index

    def changed(self) -> None:
        """Forget what was computed from the former state."""
        self.version += 1
        self._listings.clear()

    def every(self) -> Iterator[tuple[int, Item]]:
        """All objects with their indexes, deleted ones too."""
        for index in range(self.count):
            item = self.find(index)
            if item is not None:
                yield index, item

    def listing(
        self,
        name: Any,
        *,
        matches: Callable[[Item], bool],
        sort_key: Callable[[Item], Any],
        newest_first: bool,
    ) -> list[int]:
        """Indexes of what a list shows.

        Args:
            name: Names filter and order, for reuse until something changes.
            matches: Filter over listed objects.
            sort_key: What to sort by; ties are broken by index.
            newest_first: Descending.
        """
        known = self._listings.get(name)
        if known is None:
            listed = [
                (sort_key(item), index)
                for index, item in self.every()
                if not item.deleted and not item.hidden and matches(item)
            ]
            listed.sort(reverse=newest_first)
            known = self._listings[name] = [index for _, index in listed]
        return known
