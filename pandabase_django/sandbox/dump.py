"""Every object of a kind in its detail form, one a line: what a mirror must equal.

This reads the state itself, not the Store API, so that a comparison never compares a bug with
itself. It streams: the lock is held for some objects at a time, the memory for few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

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
from pandabase_django.sandbox.shapes import Json, copy_json, dump_json
from pandabase_django.sandbox.shelf import Item, Shelf

__all__ = ["DUMP_KINDS", "dump", "dump_objects"]

_OBJECTS_A_PIECE = 200
T = TypeVar("T")

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
    pieces = _pieces(services, kind, include_deleted, dump_json)
    return (("\n".join(piece) + "\n").encode() for piece in pieces)


def dump_objects(services: Services, kind: str, *, include_deleted: bool = True) -> list[Json]:
    """The same objects for a caller in this process: copies, without a detour through text.

    Raises:
        ValueError: Unknown kind.
    """
    pieces = _pieces(services, kind, include_deleted, copy_json)
    return [copied for piece in pieces for copied in piece]


def _pieces(
    services: Services, kind: str, include_deleted: bool, put: Callable[[Json], T]
) -> Iterator[list[T]]:
    if kind not in DUMP_KINDS:
        raise ValueError(f"kind must be one of {', '.join(DUMP_KINDS)}")
    forms = _forms(services, kind, include_deleted)

    def piece() -> list[T]:
        with services.state.lock:
            return [put(form) for form in islice(forms, _OBJECTS_A_PIECE)]

    return iter(piece, [])


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
