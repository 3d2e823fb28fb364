"""Every object of a kind in its detail form, one a line: what a mirror must equal.

This reads the state itself, not the Store API, so that a comparison never compares a bug with
itself. It streams: the lock is held for some objects at a time, the memory for few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from pandabase_django.sandbox.book import Book
from pandabase_django.sandbox.context import Services
from pandabase_django.sandbox.readings import (
    category_form,
    customer_form,
    dispute_form,
    order_detail,
    payment_form,
    product_form,
    refund_form,
    store_form,
)
from pandabase_django.sandbox.shapes import Json, dump_json
from pandabase_django.sandbox.shelf import Item, Shelf

__all__ = ["DUMP_KINDS", "dump"]

_OBJECTS_A_PIECE = 200

DUMP_KINDS = (
    "categories",
    "customers",
    "disputes",
    "orders",
    "payments",
    "products",
    "refunds",
    "store",
)


def dump(services: Services, kind: str, *, include_deleted: bool = True) -> Iterator[bytes]:
    """NDJSON in pieces.

    Args:
        services: The sandbox.
        kind: One of :data:`DUMP_KINDS`.
        include_deleted: Soft-deleted products and categories too, marked ``"_deleted": true``.

    Raises:
        ValueError: Unknown kind.
    """
    if kind not in DUMP_KINDS:
        raise ValueError(f"kind must be one of {', '.join(DUMP_KINDS)}")
    return _pieces(services, _forms(services, kind, include_deleted))


def _pieces(services: Services, forms: Iterator[Json]) -> Iterator[bytes]:
    while True:
        with services.state.lock:
            lines = [dump_json(form) for form in islice(forms, _OBJECTS_A_PIECE)]
        if not lines:
            return
        yield ("\n".join(lines) + "\n").encode()


def _forms(services: Services, kind: str, include_deleted: bool) -> Iterator[Json]:
    state = services.state
    timestamps = services.settings.product_timestamps
    if kind == "store":
        yield store_form(state)
    elif kind == "products":
        yield from _shelf(
            state.products,
            lambda item: product_form(state, item, timestamps=timestamps),
            include_deleted,
        )
    elif kind == "categories":
        yield from _shelf(state.categories, category_form, include_deleted)
    elif kind == "customers":
        for index in range(state.customer_count()):
            yield customer_form(state, index)
    else:
        books: dict[str, tuple[Book, Callable[[int], Json | None]]] = {
            "orders": (state.orders, lambda index: order_detail(state, index)),
            "payments": (state.orders, lambda index: payment_form(state, index, detail=True)),
            "refunds": (state.refunds, lambda index: refund_form(state, index, detail=True)),
            "disputes": (state.disputes, lambda index: dispute_form(state, index, detail=True)),
        }
        book, form = books[kind]
        for index in book.every_index():
            shown = form(index)
            if shown is not None:
                yield shown


def _shelf(shelf: Shelf, form: Callable[[Item], Json], include_deleted: bool) -> Iterator[Json]:
    for _, item in shelf.every():
        if not item.deleted:
            yield form(item)
        elif include_deleted:
            yield {**form(item), "_deleted": True}
