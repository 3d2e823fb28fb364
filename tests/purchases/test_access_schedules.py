"""Access is right from polls alone, from webhooks alone, and from any order of both.

What happens is done to a real sandbox, and learned by the real ways. What is expected is read from
the sandbox's own state, by a model of ten lines that knows no purchase and no mirror.
"""

from __future__ import annotations

import os
import random
from contextlib import suppress
from datetime import datetime, timezone
from itertools import count
from itertools import product as product_of
from typing import Any

import pytest
from django.contrib.auth.models import User

from pandabase_django.access import access
from pandabase_django.models import CheckoutSession, Product, SyncRun
from pandabase_django.sandbox.control.changes import ChangeRefused
from pandabase_django.services.sync.access.refreshing import fetch_subscription
from pandabase_django.services.sync.runs import sync_resource
from tests.purchases.conftest import Shop

pytestmark = pytest.mark.django_db

# 3,000 take half an hour: `make soak`.
SCHEDULES = int(os.environ.get("PANDABASE_SOAK_ACCESS_SCHEDULES", "4"))
FIRST = int(os.environ.get("PANDABASE_SOAK_FIRST", "0"))
LONGEST = 8
WAYS = ("polls", "webhooks", "both")

OF_ORDERS: dict[str, dict[str, Any]] = {
    "refund_order": {},
    "dispute_order": {},
    "resolve_dispute": {"outcome": "WON"},
}
OF_SUBSCRIPTIONS: dict[str, dict[str, Any]] = {
    "renew_subscription": {},
    "miss_charge": {},
    "pause_subscription": {},
    "resume_subscription": {},
    "cancel_subscription": {},
    "reactivate_subscription": {},
    "expire_subscription": {},
    "end_subscription": {"op": "cancel_subscription", "immediate": True},
}
_numbers = count()


class Life:
    """A user who buys at the sandbox, and what this shop has learned of it."""

    def __init__(self, shop: Shop, dice: random.Random, *, way: str) -> None:
        self.shop, self.dice, self.way = shop, dice, way
        number = next(_numbers)
        self.email = f"buyer{number}@example.com"
        self.user = User.objects.create(username=f"buyer {number}")
        # Somebody who types the same address: one customer there, and each has what is their own.
        self.namesake = User.objects.create(username=f"namesake {number}", email=self.email)
        on_sale = Product.objects.on_sale().filter(price_minor__gte=100).order_by("pk")
        self.plan = on_sale.filter(product_type="SUBSCRIPTION")[0]
        self.course = on_sale.exclude(product_type="SUBSCRIPTION")[0]
        self.orders: dict[str, tuple[User, Product]] = {}
        self.subscriptions: dict[str, str] = {}
        self.unheard: list[tuple[str, str]] = []

    def happen(self) -> str:
        """Something happens at the remote; gives what."""
        known = [*OF_ORDERS] * bool(self.orders) + [*OF_SUBSCRIPTIONS] * bool(self.subscriptions)
        what = self.dice.choice(["buy course", "buy plan", "buy plan", *known])
        if what.startswith("buy"):
            user = self.dice.choice((self.user, self.user, self.namesake))
            self.buy(user, self.course if what == "buy course" else self.plan)
        else:
            of_order = what in OF_ORDERS
            pk = self.dice.choice([*(self.orders if of_order else self.subscriptions)])
            options = (OF_ORDERS if of_order else OF_SUBSCRIPTIONS)[what]
            with suppress(ChangeRefused):
                self.shop.sandbox.change([{"op": what, "id": pk, **options}])
                self.unheard.append(("order" if of_order else "subscription", pk))
        return what

    def buy(self, user: User, product: Product) -> None:
        recurring = product == self.plan
        session = self.shop.open([{"product_id": product.pk, "quantity": 1}], user=user)
        session.items[0] |= {"subscription": recurring, "price_minor": product.price_minor}
        session.save()
        before = self.made()
        order_id = self.shop.pay(session, email=self.email)
        self.orders[order_id] = (user, product)
        self.unheard.append(("order", order_id))
        for made in self.made() - before if recurring else ():
            self.subscriptions[made] = order_id
            self.unheard.append(("subscription", made))

    def made(self) -> set[str]:
        return {row["id"] for row in self.shop.sandbox.dump("subscriptions")}

    def learn(self) -> str:
        """This shop learns something, maybe twice, and not in order; gives how."""
        how = self.way if self.way != "both" else self.dice.choice(WAYS[:2])
        if how == "polls":
            resource = self.dice.choice(("orders", "subscriptions"))
            self.poll(resource)
            return f"poll {resource}"
        if self.unheard:
            self.hear(self.dice.choice(self.unheard))
        return "webhook"

    def poll(self, resource: str) -> None:
        run = sync_resource(
            self.shop.store, resource=resource, trigger=SyncRun.Trigger.SCHEDULE
        ).run
        assert run.state == "COMPLETED", run.error

    def hear(self, named: tuple[str, str]) -> None:
        kind, pk = named
        if kind == "order":
            self.shop.webhook(pk)
        else:
            fetch_subscription(self.shop.store, pk)

    def learn_all(self) -> None:
        """Everything that happened comes here at last."""
        if self.way != "webhooks":
            for resource in self.dice.sample(("orders", "subscriptions") * 2, 4):
                self.poll(resource)
        else:
            for named in self.dice.sample(self.unheard, len(self.unheard)):
                self.hear(named)

    def expected(self, user: User) -> dict[str, bool]:
        """What the remote's own state means for a user."""
        now = datetime.now(timezone.utc)
        orders = {row["id"]: row for row in self.shop.sandbox.dump("orders")}
        plans = {row["id"]: row for row in self.shop.sandbox.dump("subscriptions")}
        paid = {
            pk: product
            for pk, (buyer, product) in self.orders.items()
            if buyer == user and orders[pk]["status"] == "COMPLETED"
        }

        def runs(plan: dict[str, Any]) -> bool:
            return plan["status"] != "CANCELLED" or (
                datetime.fromisoformat(plan["endsAt"].replace("Z", "+00:00")) > now
            )

        return {
            self.course.pk: self.course in paid.values(),
            self.plan.pk: any(
                order in paid and runs(plans[pk]) for pk, order in self.subscriptions.items()
            ),
        }


@pytest.mark.parametrize("way", WAYS)
def test_access_is_what_the_remotes_own_state_means(shop: Shop, way: str) -> None:
    sync_resource(shop.store, resource="products", trigger=SyncRun.Trigger.COMMAND)
    seen = set()
    for seed in range(FIRST, FIRST + SCHEDULES):
        dice = random.Random(seed)
        life = Life(shop, dice, way=way)
        done = [
            life.happen() if dice.random() < 0.6 else life.learn()
            for _ in range(dice.randint(2, LONGEST))
        ]
        life.learn_all()
        for user, product in product_of((life.user, life.namesake), (life.course, life.plan)):
            expected = life.expected(user)
            found = access(user, product)
            seen.add(found.reason)
            assert found.granted == expected[product.pk], (seed, way, done, user, found)
            usable = Product.objects.accessible_to(user)
            assert usable.filter(pk=product.pk).exists() == found.granted
    assert len(seen) > 1
    assert CheckoutSession.objects.exists() or SCHEDULES < 4
