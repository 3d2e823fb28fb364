"""The five endpoints of each kind of held item: list, get, create, change, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.validation import Field, Invalid, check_query, paging
from pandabase_django.sandbox.http.wire import Response, success
from pandabase_django.sandbox.store.held import HeldItems, Item
from pandabase_django.sandbox.store.sequence import shuffled_window
from pandabase_django.sandbox.store.shapes import Json, dump_json, page
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import item_form

__all__ = ["ItemKind"]


def _nothing(call: Call, body: Json) -> None:
    """Every body that was found valid is acceptable."""


def _never(call: Call) -> bool:
    """A deleted object answers 404."""
    return False


@dataclass(frozen=True)
class ItemKind:
    """One kind of item."""

    kind: str
    """As paths and ids call it."""
    query: Mapping[str, Field]
    """Parameters of the list."""
    search_in: tuple[str, ...]
    create: Callable[[StoreState, Json], int]
    """Makes one of a valid body; returns its index."""
    update: Callable[..., None]
    """``update(state, index, body, touch=True)``; False leaves its time of last change as it is."""
    form: Callable[[Call, Item], Json] = lambda call, item: item_form(item)
    """What a reader sees, in lists and alone."""
    check: Callable[[Call, Json], None] = _nothing
    """Raises ``Invalid`` for a body that names what is not there."""
    shows_deleted: Callable[[Call], bool] = _never

    def list(self, call: Call) -> Response:
        """Newest first unless sorted otherwise; deleted ones are left out."""
        query, settings, held = call.request.query(), call.services.settings, self._held(call)
        check_query(query, dict(self.query))
        wanted = paging(query, cap=settings.page_cap)
        sort, newest_first = query.get("sortBy", "createdAt"), query.get("sortOrder") != "asc"
        asked = tuple(sorted((key, query[key]) for key in self.query if key in query))
        name = (self.kind, settings.product_timestamps, asked)
        unstable = settings.unstable_order and sort == "createdAt"
        versions = (held.version, call.state.categories.version)
        key = (name, wanted.page, wanted.limit, unstable, *versions)
        body = call.services.pages.get(key)
        if body is None:
            listed = held.listing(
                name,
                matches=lambda item: self._matches(item, query),
                sort_key=lambda item: _sort_key(item, sort),
                newest_first=newest_first,
            )
            start, stop = wanted.start, wanted.start + wanted.limit
            shown = listed[start:stop]
            if unstable:
                shown = shuffled_window(listed, start, stop, key=key[:3])
            found = (held.find(index) for index in shown)
            items = [dump_json(self.form(call, item)) for item in found if item is not None]
            body = page(items, page_number=wanted.page, limit=wanted.limit, total=len(listed))
            call.services.pages.put(key, body)
        return Response(200, body)

    def get(self, call: Call) -> Response:
        """One object."""
        return self._answer(call, self._index(call, deleted=self.shows_deleted(call)))

    def post(self, call: Call) -> Response:
        """Create."""
        self.check(call, call.body)
        return self._answer(call, self.create(call.state, call.body), status=201)

    def patch(self, call: Call) -> Response:
        """Change."""
        index = self._index(call)
        self.check(call, call.body)
        self.update(call.state, index, call.body)
        return self._answer(call, index)

    def delete(self, call: Call) -> Response:
        """Delete softly: what names it keeps its id."""
        self._held(call).touch(self._index(call)).deleted = True
        call.state.products.changed()  # they show their categories
        return success({"deleted": True})

    def _held(self, call: Call) -> HeldItems:
        return call.state.items_by_kind[self.kind]

    def _index(self, call: Call, *, deleted: bool = False) -> int:
        """The index of an object that exists, and is not deleted unless that is allowed.

        Raises:
            Invalid: With status 404.
        """
        index = call.index(self.kind)
        item = self._held(call).find(index)
        if item is None or (item.deleted and not deleted):
            raise Invalid(f"{self.kind.capitalize()} not found", status=404)
        return index

    def _answer(self, call: Call, index: int, *, status: int = 200) -> Response:
        item = self._held(call).find(index)
        if item is None:
            raise LookupError(index)
        return success(self.form(call, item), status=status)

    def _matches(self, item: Item, query: Mapping[str, str]) -> bool:
        payload = item.payload
        for name, field in self.query.items():
            wanted = query.get(name)
            if wanted is None or name in ("sortBy", "sortOrder"):
                continue
            if name == "search":
                if not any(wanted.lower() in str(payload.get(k)).lower() for k in self.search_in):
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
    if sort in ("price", "displayOrder", "value", "timesUsed"):
        return value if isinstance(value, int) else 0
    return str(value)
