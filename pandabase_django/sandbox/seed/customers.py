"""Seeded customers, and which seeded order is whose.

A customer's orders all lie in one block of 300 neighbouring orders, so that counting them never
needs the whole store.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from pandabase_django.sandbox.seed.identity import Identities

__all__ = ["EMPTY_CUSTOMER", "NO_CUSTOMER", "People"]

NO_CUSTOMER = -1
"""The order shows ``customer: null``."""

EMPTY_CUSTOMER = -2
"""The order shows ``customer: {}``."""

_BLOCK_ORDERS = 300
_BLOCK_CUSTOMERS = 100
_FIRST = ("Ada", "Björn", "Chloë", "Dmitri", "Eun-ji", "Fatma", "Göran", "Hana", "Íñigo", "José")
_LAST = ("Okafor", "Łukasiewicz", "Müller", "Nguyễn", "O'Brien", "Sato", "Ünal", "Žižek")


class People:
    """The customers of ``orders`` seeded orders: about one for three orders."""

    def __init__(self, *, orders: int, ids: Identities) -> None:
        self.orders = orders
        self.count = max(1, -(-orders // 3))
        self._ids = ids
        self.reference_json = lru_cache(maxsize=65_536)(self._reference_json)

    def customer_of(self, order_index: int) -> int:
        """Index of the customer of an order, or one of the two constants above."""
        if order_index >= self.orders:
            return order_index % self.count
        if order_index % 3 == 0:
            return order_index // 3
        odd = order_index % 53
        if odd == 17:
            return NO_CUSTOMER
        if odd == 31:
            return EMPTY_CUSTOMER
        block, place = divmod(order_index, _BLOCK_ORDERS)
        earlier = (order_index * 2_654_435_761 >> 7) % (place // 3 + 1)
        return block * _BLOCK_CUSTOMERS + earlier

    def orders_of(self, customer: int) -> list[int]:
        """Indexes of the seeded orders of a customer."""
        start = customer // _BLOCK_CUSTOMERS * _BLOCK_ORDERS
        stop = min(self.orders, start + _BLOCK_ORDERS)
        return [index for index in range(start, stop) if self.customer_of(index) == customer]

    def first_order(self, customer: int) -> int:
        """Index of the order that brought a customer."""
        return customer * 3

    def email(self, customer: int) -> str | None:
        """The address, None for a few who left none."""
        return None if customer % 29 == 11 else f"buyer.{customer}@example.com"

    def customer_of_email(self, email: str) -> int | None:
        """The index inside an address; None when no seeded customer has it."""
        name, _, domain = email.partition("@")
        digits = name.removeprefix("buyer.")
        if domain != "example.com" or not digits.isdecimal() or len(digits) > 12:
            return None
        customer = int(digits)
        return customer if customer < self.count and self.email(customer) == email else None

    def named(self, customer: int) -> dict[str, Any]:
        """A customer as the detail of a payment, refund or dispute shows it."""
        guest = customer % 5 == 4
        return {
            "id": self._ids.make("customer", customer),
            "email": self.email(customer),
            "firstName": None if guest else _FIRST[customer % len(_FIRST)],
            "lastName": None if guest else _LAST[customer % len(_LAST)],
            "guest": guest,
        }

    def reference(self, customer: int) -> dict[str, Any] | None:
        """A customer as an order shows it."""
        if customer == NO_CUSTOMER:
            return None
        if customer == EMPTY_CUSTOMER:
            return {}
        return {"id": self._ids.make("customer", customer), "email": self.email(customer)}

    def _reference_json(self, customer: int) -> str:
        return json.dumps(self.reference(customer), ensure_ascii=False, separators=(",", ":"))
