"""A shop at the sandbox, something to act upon of each kind, and workers with all time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models import F

from pandabase_django import actions
from pandabase_django.models import (
    Dispute,
    Order,
    RemoteAction,
    Store,
    Subscription,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.actions.registry import KINDS
from pandabase_django.services.actions.subjects import evidence
from pandabase_django.services.sync.access.refreshing import fetch_subscription
from pandabase_django.services.sync.money.lists import DISPUTES
from pandabase_django.services.sync.refresh import fetch_order
from pandabase_django.services.sync.single import fetch_row
from tests.connecting import connect

__all__ = ["KIND_NAMES", "Shop", "pass_time", "settled"]

REASON = "The customer asked for it."
LOG = "2026-11-01 10:00 signed in\n2026-11-02 11:30 took lesson 4"
TIMES = (
    "asked_at",
    "sent_at",
    "watch_until",
    "looked_at",
    "closed_at",
    "next_attempt_at",
    "enqueued_at",
)


def pass_time(action: RemoteAction, **delta: float) -> None:
    """So much time passes for an action: all that it has written moves back."""
    span = timedelta(**delta)
    RemoteAction.objects.filter(pk=action.pk).update(**{name: F(name) - span for name in TIMES})
    action.refresh_from_db()


def settled(action: RemoteAction, *, hours: float = 1.5) -> RemoteAction:
    """Workers come each ten minutes, as the sweep sends them, for so long."""
    for _ in range(int(hours * 6)):
        action = actions.perform(action.pk)
        if action.next_attempt_at is None:
            break
        pass_time(action, minutes=10)
    return action


@dataclass(frozen=True)
class Try:
    """One kind of action upon a row that fits it.

    Attributes:
        row: What it is done to.
        ask: Asks for it.
        is_done: Whether the remote shows that it was executed.
        path: The end of the path of its request.
    """

    row: Any
    ask: Callable[[], RemoteAction]
    is_done: Callable[[], bool]
    path: str


@dataclass
class Shop:
    """A store at the sandbox and its rows here."""

    sandbox: Sandbox
    store: Store
    made: dict[str, Try] = field(default_factory=dict)

    def order(self, **change: Any) -> Order:
        """A completed order of now."""
        (pk,) = self.sandbox.change([{"op": "create_order", **change}])
        fetch_order(self.store, pk)
        return Order.objects.get(pk=pk)

    def dispute(self) -> Dispute:
        """One that awaits evidence."""
        order = self.order()
        touched = self.sandbox.change([{"op": "dispute_order", "id": order.pk}])
        (pk,) = (one for one in touched if one != order.pk)
        fetch_row(self.store, DISPUTES, pk)
        fetch_order(self.store, order.pk)
        return Dispute.objects.get(pk=pk)

    def subscription(self, *ops: str, **change: Any) -> Subscription:
        """An active one, to which these operations were done."""
        (pk, *_) = self.sandbox.change([{"op": "create_subscription", **change}])
        for op in ops:
            self.sandbox.change([{"op": op, "id": pk}])
        fetch_subscription(self.store, pk)
        return Subscription.objects.get(pk=pk)

    def remote(self, kind: str, pk: str) -> dict[str, Any]:
        """An object as the sandbox has it."""
        return next(item for item in self.sandbox.dump(kind) if item["id"] == pk)

    def posts(self, path: str) -> int:
        """How many requests of an action reached the remote."""
        return sum(
            entry["method"] == "POST" and entry["path"].endswith(path)
            for entry in self.sandbox.requests()
        )

    def refunds(self, order: Order) -> list[Any]:
        """The refunds of an order at the remote."""
        every = self.sandbox.dump("refunds")
        return [item for item in every if item["order"]["id"] == order.pk]

    def attempt(self, name: str) -> Try:
        """Something to do, by the name of its test."""
        if name == "refund":
            order = self.order()
            return Try(
                order,
                lambda: actions.refund(order, reason=REASON),
                lambda: bool(self.refunds(order)),
                f"/refunds/orders/{order.pk}",
            )
        if name == "fulfilment":
            order = self.order()
            self.sandbox.change([{"op": "fail_fulfillment", "id": order.pk}])
            index = self.sandbox.state.ids.index_of("order", order.pk)
            return Try(
                order,
                lambda: actions.retry_fulfilment(order, reason=REASON),
                lambda: index not in self.sandbox.state.unfulfilled,
                f"/orders/{order.pk}/retry-fulfillment",
            )
        if name == "evidence":
            dispute = self.dispute()
            return Try(
                dispute,
                lambda: actions.submit_evidence(dispute, LOG, reason=REASON),
                lambda: self.remote("disputes", dispute.pk)["status"] == "UNDER_REVIEW",
                f"/disputes/{dispute.pk}/evidence",
            )
        return self._of_a_subscription(name)

    def _of_a_subscription(self, name: str) -> Try:
        before = {"resume": ["pause_subscription"], "reactivate": ["cancel_subscription"]}
        row = self.subscription(*before.get(name, []))
        asks: dict[str, Callable[[], RemoteAction]] = {
            "cancel": lambda: actions.cancel_subscription(row, reason=REASON),
            "cancel at once": lambda: actions.cancel_subscription(
                row, reason=REASON, immediate=True
            ),
            "pause": lambda: actions.pause_subscription(row, reason=REASON),
            "resume": lambda: actions.resume_subscription(row, reason=REASON),
            "reactivate": lambda: actions.reactivate_subscription(row, reason=REASON),
            "more": lambda: actions.change_plan(row, reason=REASON, quantity=3),
            "more later": lambda: actions.change_plan(
                row, reason=REASON, quantity=3, at_period_end=True
            ),
        }

        def now() -> dict[str, Any]:
            return self.remote("subscriptions", row.pk)

        index = self.sandbox.state.ids.index_of("subscription", row.pk)
        done: dict[str, Callable[[], bool]] = {
            "cancel": lambda: now()["status"] == "CANCELLED",
            "cancel at once": lambda: now()["status"] == "CANCELLED",
            "pause": lambda: now()["status"] == "PAUSED",
            "resume": lambda: now()["status"] == "ACTIVE",
            "reactivate": lambda: now()["status"] == "ACTIVE",
            "more": lambda: now()["quantity"] == 3,
            "more later": lambda: index in self.sandbox.state.planned_changes,
        }
        last = {"cancel at once": "cancel", "more": "change", "more later": "change"}
        return Try(row, asks[name], done[name], f"/{row.pk}/{last.get(name, name)}")


KIND_NAMES = (
    "refund",
    "fulfilment",
    "evidence",
    "cancel",
    "cancel at once",
    "pause",
    "resume",
    "reactivate",
    "more",
    "more later",
)
assert len(KIND_NAMES) >= len(KINDS)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(seed=7, products=10, orders=20) as sandbox:
        yield sandbox


@pytest.fixture
def shop(db: None, running: Sandbox) -> Iterator[Shop]:
    cache.clear()
    running.clear_faults()
    yield Shop(running, connect(running).store)
    running.clear_faults()


@pytest.fixture(autouse=True)
def _no_writers() -> Iterator[None]:
    before = dict(evidence._writers)
    evidence._writers.clear()
    yield
    evidence._writers.clear()
    evidence._writers.update(before)
