"""The whole store: what the seed says, and what a run changed.

Everything here is called with :attr:`StoreState.lock` held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from pandabase_django.sandbox.seed.cases import SeededCases
from pandabase_django.sandbox.seed.catalog import Catalogue
from pandabase_django.sandbox.seed.customers import People
from pandabase_django.sandbox.seed.identity import RUNTIME_BASE, Identities
from pandabase_django.sandbox.seed.lifecycle import Lifecycle, Slot
from pandabase_django.sandbox.seed.orders import DISPUTE_DELAY_MS, REFUND_DELAY_MS, Sales
from pandabase_django.sandbox.seed.subscriptions import Subscribed
from pandabase_django.sandbox.seed.timeline import START_MS, Clock, Timeline, iso
from pandabase_django.sandbox.store.cases import Cases
from pandabase_django.sandbox.store.coupons import SEEDED_COUPONS, new_coupon
from pandabase_django.sandbox.store.dated import DatedRecords, Record
from pandabase_django.sandbox.store.held import HeldItems, Item
from pandabase_django.sandbox.store.money.ledger import Ledger
from pandabase_django.sandbox.store.money.payouts import new_payout
from pandabase_django.sandbox.store.sessions import Session
from pandabase_django.sandbox.store.shapes import Json, dispute_payload, refund_payload
from pandabase_django.sandbox.store.usage.counted import Usage

__all__ = ["Event", "StoreState", "WorldSize"]

DAY_MS = 86_400_000
_MOST_PAYOUTS = 6
_MOST_SUBSCRIPTIONS = 40
_REASONS = ("REQUESTED_BY_CUSTOMER", "DUPLICATE", "FRAUDULENT")


@dataclass(frozen=True)
class WorldSize:
    """What is seeded, and how much of it."""

    seed: int = 1
    products: int = 250
    orders: int = 3_000
    categories: int = 12
    equal_times: bool = False
    """Seeded products and orders were all created at one moment."""

    def __post_init__(self) -> None:
        if min(self.products, self.orders, self.categories) < 0:
            raise ValueError("products, orders and categories can't be negative")


@dataclass(frozen=True)
class Event:
    """Something happened to an order, as a webhook would report it. Source: P-30."""

    id: str
    type: str
    order_index: int
    at_ms: int
    subscription: str = ""
    """Id of a subscription; empty means one that follows from the order."""


class StoreState:
    """One store."""

    KEPT: ClassVar[tuple[str, ...]] = (
        "store_fields",
        "pool_licenses",
        "license_fields",
        "licenses_version",
        "unfulfilled",
        "planned_changes",
        "subscribed_variants",
        "paid_subscriptions",
        "report_files",
        "sessions",
        "slow_payments",
        "customer_orders",
        "customer_fields",
        "removed_customers",
        "buyers",
        "_next_order",
        "_next_runtime",
        "_next_event",
    )
    """What it holds itself and a restart must keep; its parts name their own."""

    def __init__(self, size: WorldSize) -> None:
        self.size = size
        self.lock = threading.RLock()
        self.clock = Clock()
        self.ids = Identities(size.seed)
        self.store_id = self.ids.make("store", 0)
        self.store_fields: Json = {}
        self.listeners: list[Callable[[Event], None]] = []
        self.before_change: list[Callable[[], None]] = []
        self.lifecycle = Lifecycle(size.orders)
        self.timeline = Timeline(size.orders, equal=size.equal_times)
        self.people = People(orders=size.orders, ids=self.ids)
        self.catalogue = Catalogue(
            seed=size.seed,
            products=Timeline(size.products, equal=size.equal_times),
            categories=size.categories,
            ids=self.ids,
        )
        self.sales = Sales(
            seed=size.seed, catalogue=self.catalogue, people=self.people, ids=self.ids
        )
        self.products = HeldItems(seeded_count=size.products, seeded=self._seeded_product)
        self.categories = HeldItems(seeded_count=size.categories, seeded=self._seeded_category)
        self.coupons = HeldItems(seeded_count=len(SEEDED_COUPONS), seeded=self._seeded_coupon)
        self.webhooks = HeldItems(seeded_count=0, seeded=_not_seeded)
        self.payouts = HeldItems(
            seeded_count=min(_MOST_PAYOUTS, size.orders // 100), seeded=self._seeded_payout
        )
        self.subscribed = Subscribed(catalogue=self.catalogue, people=self.people, ids=self.ids)
        self.subscriptions = HeldItems(
            seeded_count=min(_MOST_SUBSCRIPTIONS, size.orders),
            seeded=self._seeded_subscription,
        )
        self.pool_licenses: list[Json] = []
        """Licences that nobody has bought."""
        self.license_fields: dict[str, Json] = {}
        """Values forced upon what is shown of a licence, since a test asked for them."""
        self.licenses_version = 0
        self.licenses_known: tuple[tuple[int, int], list[Json]] | None = None
        """All licences as they were at these versions."""
        self.unfulfilled: set[int] = set()
        """Orders whose fulfilment has failed."""
        self.meters = HeldItems(seeded_count=0, seeded=_not_seeded)
        self.usage = Usage()
        self.planned_changes: dict[int, Json] = {}
        """What the next renewal of a subscription changes, by its index."""
        self.subscribed_variants: dict[int, str | None] = {}
        """Which variant a subscription is of, by its index: no answer shows it."""
        self.paid_subscriptions: dict[int, int] = {}
        """Which subscription an order paid a period of: indexes by indexes."""
        seeded_cases = SeededCases(ids=self.ids, people=self.people, timeline=self.timeline)
        self.cases = Cases(orders=size.orders, seed=seeded_cases, ids=self.ids)
        self.reports = HeldItems(seeded_count=0, seeded=_not_seeded)
        self.report_files: dict[str, dict[str, str]] = {}
        """Texts of finished reports, by id and format."""
        self.items_by_kind = {
            "product": self.products,
            "category": self.categories,
            "coupon": self.coupons,
            "payout": self.payouts,
            "subscription": self.subscriptions,
            "webhook": self.webhooks,
        }
        self.orders = self._dated(lambda _slot: True, self._seeded_order)
        self.refunds = self._dated(lambda slot: slot.status == "REFUNDED", self._seeded_refund)
        self.disputes = self._dated(lambda slot: slot.dispute is not None, self._seeded_dispute)
        self.ledger = Ledger(
            self.store_id,
            ids=self.ids,
            lifecycle=self.lifecycle,
            timeline=self.timeline,
            order_seed=self.order_seed,
        )
        self._next_order = size.orders
        self._next_runtime = RUNTIME_BASE
        self._next_event = 0
        self.sessions: dict[str, Session] = {}
        self.slow_payments: dict[str, int] = {}
        """When payments that are being processed end by themselves, by session, in real time."""
        self.customer_orders: dict[int, list[int]] = {}
        self.customer_fields: dict[int, Json] = {}
        """Values forced upon whatever is shown of a customer, since a test asked for them."""
        self.removed_customers: set[int] = set()
        self.buyers: dict[str, int] = {}
        """Customers who came by a checkout, by e-mail address."""

    def changing(self) -> None:
        """Announce a change that is about to be made."""
        for listener in self.before_change:
            listener()

    def order_seed(self, index: int) -> Json:
        """The detail form of a seeded order as it was at first."""
        return self.sales.detail(
            index,
            slot=self.lifecycle.slot(index),
            created_ms=self.timeline.created_ms(index),
        )

    def customer_count(self) -> int:
        """How many customers ever bought."""
        seeded = self.people.count if self.size.orders or self.customer_orders else 0
        return seeded + len(self.buyers)

    def buyer(self, email: str, *, name: str) -> int:
        """The customer with this address, a new one if need be; returns the index."""
        known = self.people.customer_of_email(email)
        if known is None:
            known = self.buyers.get(email)
        if known is None:
            known = self.buyers[email] = self.people.count + len(self.buyers)
            first, _, last = name.partition(" ")
            self.customer_fields[known] = {
                "email": email,
                "firstName": first or None,
                "lastName": last or None,
                "guest": True,
                "createdAt": iso(self.clock.read_ms()),
            }
        return known

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

    def _dated(
        self, member: Callable[[Slot], bool], seeded: Callable[[int], Record]
    ) -> DatedRecords:
        return DatedRecords(
            lifecycle=self.lifecycle, timeline=self.timeline, member=member, seeded=seeded
        )

    def _seeded_order(self, index: int) -> Record:
        return Record(self.order_seed(index), sort_ms=self.timeline.created_ms(index))

    def _seeded_refund(self, index: int) -> Record:
        order = self.order_seed(index)
        created_ms = self.timeline.created_ms(index) + REFUND_DELAY_MS
        payload = refund_payload(
            self.ids.make("refund", index),
            amount=order["amount"],
            status="COMPLETED",
            reason=_REASONS[index % len(_REASONS)],
            created_ms=created_ms,
            updated_ms=created_ms + 20_000,
        )
        return Record(payload, sort_ms=created_ms, order_index=index)

    def _seeded_dispute(self, index: int) -> Record:
        order = self.order_seed(index)
        created_ms = self.timeline.created_ms(index) + DISPUTE_DELAY_MS
        payload = dispute_payload(
            self.ids.make("dispute", index),
            order,
            status=self.lifecycle.slot(index).dispute,
            reason=("FRAUDULENT", "PRODUCT_NOT_RECEIVED", "DUPLICATE")[index % 3],
            created_ms=created_ms,
        )
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

    def _seeded_payout(self, index: int) -> Item:
        """Before all orders: the opening balance of the ledger is what was left after them."""
        at_ms = START_MS - (_MOST_PAYOUTS - index) * DAY_MS
        return new_payout(self.ids, index, amount=500_000 + index, at_ms=at_ms)

    def _seeded_subscription(self, index: int) -> Item:
        created_ms = START_MS + index * 9 * DAY_MS
        payload = self.subscribed.seeded(index, created_ms=created_ms)
        return Item(payload, created_ms=created_ms, updated_ms=created_ms)

    def _seeded_category(self, index: int) -> Item:
        created_ms = START_MS + index * DAY_MS
        return Item(self.catalogue.category(index), created_ms=created_ms, updated_ms=created_ms)

    def _seeded_coupon(self, index: int) -> Item:
        at_ms = START_MS + index * DAY_MS
        body, updated_ms = SEEDED_COUPONS[index], at_ms + DAY_MS
        return new_coupon(self.ids, index, body, at_ms=at_ms, updated_ms=updated_ms)


def _not_seeded(index: int) -> Item:
    raise LookupError(index)
