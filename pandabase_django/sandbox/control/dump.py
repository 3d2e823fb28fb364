"""Every object of a kind in its detail form, one a line: what a mirror must equal.

This reads the state itself, not the Store API, so that a comparison never compares a bug with
itself. It streams: the lock is held for some objects at a time, the memory for few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

from pandabase_django.sandbox.api.access.licenses import every_license
from pandabase_django.sandbox.api.context import Services
from pandabase_django.sandbox.checkout.payment import standing
from pandabase_django.sandbox.checkout.sessions import session_form
from pandabase_django.sandbox.store.dated import DatedRecords
from pandabase_django.sandbox.store.held import HeldItems, Item
from pandabase_django.sandbox.store.shapes import Json, copy_json, dump_json
from pandabase_django.sandbox.store.views import (
    customer_form,
    dispute_form,
    item_form,
    listed_customers,
    order_detail,
    payment_form,
    product_form,
    refund_form,
    store_form,
)

__all__ = ["DUMP_KINDS", "dump", "dump_objects"]

_OBJECTS_A_PIECE = 200
T = TypeVar("T")

DUMP_KINDS = (
    "cases",
    "categories",
    "coupons",
    "checkouts",
    "customers",
    "disputes",
    "ledger",
    "licenses",
    "orders",
    "payments",
    "payouts",
    "products",
    "refunds",
    "reports",
    "store",
    "subscriptions",
    "usage",
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
    # The forms of these are made for each call: nobody else holds a part of one.
    own = kind in ("categories", "orders", "products")
    pieces = _pieces(services, kind, include_deleted, _itself if own else copy_json)
    return [copied for piece in pieces for copied in piece]


def _itself(form: Json) -> Json:
    return form


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
        yield from _held(
            state.products,
            lambda item: product_form(state, item, timestamps=timestamps),
            include_deleted,
        )
    elif kind == "categories":
        yield from _held(state.categories, item_form, include_deleted)
    elif kind == "cases":
        for index, item in state.cases.held.every():
            yield {**item_form(item), "messages": state.cases.messages(index)}
    elif kind == "reports":
        yield from _held(state.reports, item_form, False)
    elif kind == "checkouts":
        for session in state.sessions.values():
            yield {
                **session_form(state, session, settings=services.settings, origin=""),
                "state": standing(state, session),
                "orders": [state.ids.make("order", index) for index in session.orders],
            }
    elif kind == "coupons":
        yield from _held(state.coupons, item_form, include_deleted)
    elif kind == "customers":
        for index in listed_customers(state):
            yield customer_form(state, index)
    elif kind == "ledger":
        yield from state.ledger.entries
    elif kind == "licenses":
        yield from every_license(state)
    elif kind == "subscriptions":
        yield from _held(state.subscriptions, item_form, False)
    elif kind == "usage":
        for events in state.usage.events.values():
            yield from events
    elif kind == "payouts":
        yield from _held(state.payouts, item_form, False)
    else:
        kinds: dict[str, tuple[DatedRecords, Callable[[int], Json | None]]] = {
            "orders": (state.orders, lambda index: order_detail(state, index)),
            "payments": (state.orders, lambda index: payment_form(state, index, detail=True)),
            "refunds": (state.refunds, lambda index: refund_form(state, index, detail=True)),
            "disputes": (state.disputes, lambda index: dispute_form(state, index, detail=True)),
        }
        dated, form = kinds[kind]
        for index in dated.every_index():
            shown = form(index)
            if shown is not None:
                yield shown


def _held(held: HeldItems, form: Callable[[Item], Json], include_deleted: bool) -> Iterator[Json]:
    for _, item in held.every():
        if not item.deleted:
            yield form(item)
        elif include_deleted:
            yield {**form(item), "_deleted": True}
