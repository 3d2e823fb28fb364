"""The orders of a period. Only they are looked at, however many there are."""

from __future__ import annotations

from collections.abc import Iterator

from pandabase_django.sandbox.seed.timeline import parse_ms
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import order_detail

__all__ = ["cents", "is_in", "orders_between"]

_PAID = ("COMPLETED", "REFUNDED", "CHARGEBACK")


def orders_between(
    state: StoreState, from_ms: int, to_ms: int, *, paid: bool = False
) -> Iterator[Json]:
    """Orders in their detail form that were created from one moment up to another, oldest first.

    Args:
        state: The store.
        from_ms: The first moment.
        to_ms: The moment after the last one.
        paid: Leave out those that were never paid.
    """
    every = state.orders.sequence(
        "orders:None:None", slots=lambda _slot: True, records=lambda _record: True
    )

    def created_ms(position: int) -> int:
        index = every.at(position)
        record = state.orders.touched(index)
        return state.timeline.created_ms(index) if record is None else record.sort_ms

    low, high = 0, every.count
    while low < high:
        middle = (low + high) // 2
        if created_ms(middle) < from_ms:
            low = middle + 1
        else:
            high = middle
    for position in range(low, every.count):
        if created_ms(position) >= to_ms:
            return
        order = order_detail(state, every.at(position))
        if order is not None and (not paid or order.get("status") in _PAID):
            yield order


def is_in(row: Json, from_ms: int, to_ms: int) -> bool:
    """Whether an object was created in a period."""
    created_ms = parse_ms(row.get("createdAt"))
    return created_ms is not None and from_ms <= created_ms < to_ms


def cents(holder: object, name: str) -> int:
    """An amount; 0 where a test has put something else in its place."""
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, int) else 0
