"""Every order of {webhook, poll, refresh, crash, duplicate, reversal, restoration} ends alike.

What is expected is a model of ten lines. What is called is the real code, from the details of an
order as they are written down to two handlers, the second of which is killed by a crash.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone as clock

from pandabase_django.api import schemas
from pandabase_django.events import on_paid, on_restored, on_reversed
from pandabase_django.models import CheckoutSession, Order, Purchase, PurchaseFact, Store
from pandabase_django.services.purchases.handing import process_purchase
from pandabase_django.services.purchases.reference import metadata_for
from pandabase_django.services.sync.orders.details.writing import Detailed, write_details

pytestmark = pytest.mark.django_db

LEARN = ("webhook", "poll", "refresh")
EVENTS = (*LEARN, "crash", "duplicate", "reversal", "restoration")
# All take three minutes.
ALL = bool(int(os.environ.get("PANDABASE_SOAK_SEEDS", "0")))
START = datetime(2026, 11, 1, tzinfo=timezone.utc)


class Killed(BaseException):
    """The process is gone."""


class Real:
    """A paid order at the remote, and a shop with two handlers."""

    def __init__(self) -> None:
        self.calls: dict[str, list[str]] = {"first": [], "second": []}
        self.killing = False
        self.status, self.updated_at = "COMPLETED", START
        self.store, _ = Store.objects.get_or_create(pk="shp_1")
        self.session = CheckoutSession.objects.create(
            store=self.store,
            session_id="cs_1",
            currency="USD",
            items=[{"product_id": "", "name": "Course", "quantity": 1, "price_minor": 900}],
        )

    def first(self, fact: str) -> None:
        self.calls["first"].append(fact)

    def second(self, fact: str) -> None:
        if self.killing:
            raise Killed
        self.calls["second"].append(fact)

    def learn(self) -> None:
        payload = {
            "id": "ord_1",
            "orderNumber": "cs_1",
            "status": self.status,
            "amount": 900,
            "currency": "USD",
            "metadata": metadata_for(self.session.pk),
            "items": [{"id": "itm_1", "name": "Course", "quantity": 1, "price": 900}],
            "payment": {"totalAmount": 900},
            "createdAt": START.isoformat(),
            "updatedAt": self.updated_at.isoformat(),
        }
        mark = Order.objects.filter(pk="ord_1").values_list("dirty_mark", flat=True).first()
        answer = schemas.Order.from_json(payload)
        write_details([Detailed(answer, mark or 1)], store_id=self.store.pk, silent=False)

    def change(self, old: str, new: str) -> None:
        if self.status == old:
            self.status = new
            self.updated_at += timedelta(minutes=1)

    def work(self) -> None:
        """A worker takes the purchase; the claim of one that was killed has run out."""
        due = Purchase.objects.filter(state="PENDING")
        due.update(next_attempt_at=clock.now())
        for pk in due.values_list("pk", flat=True):
            process_purchase(pk)

    def do(self, event: str) -> None:
        if event in LEARN:
            self.learn()
        elif event == "reversal":
            self.change("COMPLETED", "REFUNDED")
        elif event == "restoration":
            self.change("REFUNDED", "COMPLETED")
        elif event == "crash":
            self.killing = True
            with suppress(Killed):
                self.work()
            self.killing = False
        else:
            self.work()
            if event == "duplicate":
                self.work()


class Model:
    """What each handler is to be called for."""

    def __init__(self) -> None:
        self.remote, self.here = "in force", ""
        self.told, self.half = "", ""
        self.first: list[str] = []
        self.second: list[str] = []

    def do(self, event: str) -> None:
        if event in LEARN:
            self.here = self.remote
        elif event == "reversal":
            self.remote = "reversed"
        elif event == "restoration":
            self.remote = "in force"
        elif self.here:
            self.work(killed=event == "crash")

    def work(self, *, killed: bool) -> None:
        if self.half and (self.half == "REVERSED") == (self.here == "reversed"):
            if killed:
                return
            self.second.append(self.half)
        self.half = ""
        granted = self.told in ("PAID", "RESTORED")
        if granted == (self.here == "in force") or not (self.told or self.here == "in force"):
            return
        self.told = "REVERSED" if granted else "RESTORED" if self.told else "PAID"
        self.first.append(self.told)
        if killed:
            self.half = self.told
        else:
            self.second.append(self.told)


@pytest.fixture
def register() -> Callable[[Real], None]:
    world: list[Real] = []

    def first(purchase: Purchase) -> None:
        world[0].first(_open_fact(purchase))

    def second(purchase: Purchase) -> None:
        world[0].second(_open_fact(purchase))

    for handler in (first, second):
        for decorator in (on_paid(), on_reversed(), on_restored()):
            decorator(handler)

    def use(real: Real) -> None:
        world[:] = [real]

    return use


def _open_fact(purchase: Purchase) -> str:
    return PurchaseFact.objects.get(purchase=purchase, state="OPEN").fact


def orders_of_events(number: int) -> list[tuple[str, ...]]:
    # The three ways to learn write alike (see test_matching); here they are one, three times.
    alike = sorted(itertools.permutations(["learn", "learn", "learn", *EVENTS[3:]]))
    found = list(dict.fromkeys(alike))
    assert len(found) == 840
    return found if ALL else random.Random(1).sample(found, number)


@pytest.mark.fact(27, 34)
@pytest.mark.parametrize("number", [12, pytest.param(100, marks=pytest.mark.thorough)])
def test_each_handler_is_called_as_the_model_says(register: Any, number: int) -> None:
    ends = set()
    for order in orders_of_events(number):
        ways = itertools.cycle(LEARN)
        events = [next(ways) if event == "learn" else event for event in order]
        # At last everything has been learned, and workers have time.
        events += ["webhook", "work"]
        with transaction.atomic():
            real, model = Real(), Model()
            register(real)
            for event in events:
                real.do(event)
                model.do(event)
            expected = {"first": model.first, "second": model.second}
            assert real.calls == expected, events
            purchase = Purchase.objects.get()
            assert (purchase.verdict, purchase.state) == ("MATCHED", "IDLE")
            granted = purchase.last_fact in ("PAID", "RESTORED")
            assert granted == (real.status == "COMPLETED"), events
            session = CheckoutSession.objects.get()
            assert session.state == ("PAID" if granted else "REVERSED")
            ends.add(tuple(model.first))
            transaction.set_rollback(True)
    assert ends <= ENDS
    assert ends == ENDS or number < 100


ENDS = {(), ("PAID",), ("PAID", "REVERSED"), ("PAID", "REVERSED", "RESTORED")}
