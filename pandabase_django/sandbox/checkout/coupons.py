"""Which coupon a code names, and what it takes off. Who may use it how often is not looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pandabase_django.sandbox.api.validation import Invalid
from pandabase_django.sandbox.seed.timeline import parse_ms
from pandabase_django.sandbox.store.held import Item
from pandabase_django.sandbox.store.sessions import Line
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["Coupon", "count_use", "find_coupon"]


@dataclass(frozen=True)
class Coupon:
    """A coupon that may be used."""

    code: str
    type: str
    """PERCENTAGE or FIXED."""
    value: int
    """Percent, or cents."""
    product_ids: frozenset[str] = frozenset()
    """What it makes cheaper; empty: everything."""

    def discount(self, lines: list[Line]) -> int:
        """Cents off these lines."""
        cheaper = sum(
            line.amount * line.quantity
            for line in lines
            if not self.product_ids or line.product_id in self.product_ids
        )
        off = cheaper * self.value // 100 if self.type == "PERCENTAGE" else self.value
        return min(cheaper, off)


def find_coupon(state: StoreState, code: str, *, lines: list[Line]) -> Coupon:
    """The coupon of a code; capitals don't matter.

    Raises:
        Invalid: With status 400: there is none, or it can't be used for these lines now.
    """
    shown = next((item.payload for _, item in _named(state, code)), None)
    if shown is None or not _is_open(state, shown, lines):
        raise Invalid(f"Coupon {code} is not valid", status=400)
    products = frozenset(shown["productIds"])
    if products and not products & {line.product_id for line in lines}:
        raise Invalid(f"Coupon {code} is not for these items", status=400)
    return Coupon(shown["code"], shown["type"], shown["value"], products)


def count_use(state: StoreState, code: str) -> None:
    """Note that an order with this code was paid."""
    for index, _ in list(_named(state, code)):
        state.coupons.touch(index).payload["timesUsed"] += 1


def _named(state: StoreState, code: str) -> Iterator[tuple[int, Item]]:
    for index, item in state.coupons.every():
        if not item.deleted and str(item.payload["code"]).upper() == code.upper():
            yield index, item


def _is_open(state: StoreState, coupon: Json, lines: list[Line]) -> bool:
    now_ms = state.clock.read_ms()
    starts_ms, ends_ms = parse_ms(coupon["startsAt"]), parse_ms(coupon["expiresAt"])
    subtotal = sum(line.amount * line.quantity for line in lines)
    return (
        coupon["enabled"] is True
        and (starts_ms is None or starts_ms <= now_ms)
        and (ends_ms is None or now_ms < ends_ms)
        and (coupon["maxUses"] is None or coupon["timesUsed"] < coupon["maxUses"])
        and subtotal >= (coupon["minimumPurchase"] or 0)
    )
