"""The whole store: what the seed says, and what a run changed.

Everything here is called with :attr:`StoreState.lock` held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from pandabase_django.sandbox.book import Book, Record
from pandabase_django.sandbox.catalogue import Catalogue
from pandabase_django.sandbox.identity import RUNTIME_BASE, Identities
from pandabase_django.sandbox.ledger import Ledger
from pandabase_django.sandbox.lifecycle import Lifecycle, Slot
from pandabase_django.sandbox.people import People
from pandabase_django.sandbox.sales import DISPUTE_DELAY_MS, REFUND_DELAY_MS, Sales
from pandabase_django.sandbox.shapes import Json
from pandabase_django.sandbox.shelf import Item, Shelf
from pandabase_django.sandbox.timeline import START_MS, Clock, Timeline, iso

__all__ = ["DISPUTE_FEE", "Event", "StoreState", "WorldSize"]

DISPUTE_FEE = 2_000
_REASONS = ("REQUESTED_BY_CUSTOMER", "DUPLICATE", "FRAUDULENT")


@dataclass(frozen=True)
class WorldSize:
    """What is seeded, and how much of it."""

    seed: int = 1
    products: int = 250
    orders: int = 3_000
    categories: int = 12

    def __post_init__(self) -> None:
        if min(self.products, self.orders, self.categories) < 0:
            raise ValueError("products, orders and categories can't be negative")


@dataclass(frozen=True)
class Event:
    """Something happened to an order, as a webhook would tell it. Source: P-30."""

    id: str
    type: str
    order_index: int
    at_ms: int
    subscription: str = ""
    """Id of a subscription; empty means one that follows from the order."""


class StoreState:
    """One store."""

    def __init__(self, size: WorldSize) -> None:
        self.size = size
        self.lock = threading.RLock()
        self.clock = Clock()
        self.ids = Identities(size.seed)
        self.store_id = self.ids.make("store", 0)
        self.store_fields: Json = {}
        self.listeners: list[Callable[[Event], None]] = []
        self.lifecycle = Lifecycle(size.orders)
        self.timeline = Timeline(size.orders)
        self.people = People(orders=size.orders, ids=self.ids)
        self.catalogue = Catalogue(
            seed=size.seed, products=size.products, categories=size.categories, ids=self.ids
        )
        self.sales = Sales(
            seed=size.seed, catalogue=self.catalogue, people=self.people, ids=self.ids
        )
        self.products = Shelf(seeded_count=size.products, seeded=self._seeded_product)
        self.categories = Shelf(seeded_count=size.categories, seeded=self._seeded_category)
        self.webhooks = Shelf(seeded_count=0, seeded=_no_seeded_webhook)
        self.orders = self._book(lambda _slot: True, self._seeded_order)
        self.refunds = self._book(lambda slot: slot.status == "REFUNDED", self._seeded_refund)
        self.disputes = self._book(lambda slot: slot.dispute is not None, self._seeded_dispute)
        self.ledger = Ledger(self)
        self._next_order = size.orders
        self._next_runtime = RUNTIME_BASE
        self._next_event = 0
        self.customer_orders: dict[int, list[int]] = {}

    def order_seed(self, index: int) -> Json:
        """The detail form of a seeded order as it was at first."""
        return self.sales.detail(
            index,
            slot=self.lifecycle.slot(index),
            created_ms=self.timeline.created_ms(index),
        )

    def customer_count(self) -> int:
        """How many customers ever bought."""
        return self.people.count if self.size.orders or self.customer_orders else 0

    def new_order_index(self) -> int:
        """An index for an order made at run time."""
        self._next_order += 1
        return self._next_order - 1

    def new_runtime_index(self) -> int:
        """An index for a refund or dispute made at run time."""
        self._next_runtime += 1
        return self._next_runtime - 1

    def emit(self, event_type: str, order_index: int, *, subscription: str = "") -> str:
        """Tell every listener; returns the event's id."""
        self._next_event += 1
        event = Event(
            self.ids.make("event", self._next_event),
            event_type,
            order_index,
            self.clock.now_ms(),
            subscription,
        )
        for listener in self.listeners:
            listener(event)
        return event.id

    def _book(self, member: Callable[[Slot], bool], seeded: Callable[[int], Record]) -> Book:
        return Book(lifecycle=self.lifecycle, timeline=self.timeline, member=member, seeded=seeded)

    def _seeded_order(self, index: int) -> Record:
        return Record(self.order_seed(index), sort_ms=self.timeline.created_ms(index))

    def _seeded_refund(self, index: int) -> Record:
        order = self.order_seed(index)
        created_ms = self.timeline.created_ms(index) + REFUND_DELAY_MS
        payload = {
            "id": self.ids.make("refund", index),
            "amount": order["amount"],
            "status": "COMPLETED",
            "reason": _REASONS[index % len(_REASONS)],
            "createdAt": iso(created_ms),
            "updatedAt": iso(created_ms + 20_000),
        }
        return Record(payload, sort_ms=created_ms, order_index=index)

    def _seeded_dispute(self, index: int) -> Record:
        order = self.order_seed(index)
        created_ms = self.timeline.created_ms(index) + DISPUTE_DELAY_MS
        payload = {
            "id": self.ids.make("dispute", index),
            "reason": ("FRAUDULENT", "PRODUCT_NOT_RECEIVED", "DUPLICATE")[index % 3],
            "status": self.lifecycle.slot(index).dispute,
            "evidence": None,
            "totalAmount": order["payment"]["totalAmount"],
            "amount": order["amount"],
            "fee": DISPUTE_FEE,
            "createdAt": iso(created_ms),
            "method": "card",
            "updatedAt": iso(created_ms),
        }
        return Record(payload, sort_ms=created_ms, order_index=index)

    def _seeded_product(self, index: int) -> Item:
        return Item(
            self.catalogue.product(index),
            created_ms=self.catalogue.created_ms(index),
            updated_ms=self.catalogue.updated_ms(index),
            category_ids=[
                self.ids.make("category", number)
                for number in self.catalogue.category_indexes(index)
            ],
        )

    def _seeded_category(self, index: int) -> Item:
        created_ms = START_MS + index * 86_400_000
        return Item(self.catalogue.category(index), created_ms=created_ms, updated_ms=created_ms)


def _no_seeded_webhook(index: int) -> Item:
    raise LookupError(index)
