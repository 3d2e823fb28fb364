"""One query, rows judged one by one, and many at once: all three say the same."""

from __future__ import annotations

import os
import random
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject

from pandabase_django.access import Reason, access, has_access, prefetch_access
from pandabase_django.models import Customer, Order, OrderItem, Product, Purchase, Store
from tests.access.rows import buy, customer, link, mirror, product, subscribe

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
# By the environment more, as in `make soak`.
WORLDS = int(os.environ.get("PANDABASE_SOAK_ACCESS", "20"))


class World:
    """Two stores, some users and customers, and whatever dice make of them."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.users = [User.objects.create(username=f"user {n}") for n in range(3)]
        self.users[2].is_active = self.dice.random() < 0.8
        self.users[2].save()
        self.stores = [Store.objects.create(pk=f"shp_{n}") for n in range(2)]
        types = ("", "DIGITAL", "SUBSCRIPTION")
        self.products = [
            product(store, product_type=self.dice.choice(types), gone_at=self.some(0.1, NOW))
            for store in self.stores
            for _ in range(3)
        ]
        self.customers = [customer(store) for store in self.stores for _ in range(2)]
        for who in self.customers:
            if self.dice.random() < 0.4:
                link(self.user(), who, ended_at=NOW)
            if self.dice.random() < 0.6:
                link(self.user(), who)
        orders = [self.order() for _ in range(self.dice.randrange(4, 12))]
        for _ in range(self.dice.randrange(2, 8)):
            self.subscription(orders)
        if self.dice.random() < 0.2:
            self.users.pop(self.dice.randrange(3)).delete()
        self.users.append(AnonymousUser())  # type: ignore[arg-type]

    def some(self, share: float, value: Any) -> Any:
        return value if self.dice.random() < share else None

    def user(self) -> User:
        return self.dice.choice(self.users)

    def moment(self) -> datetime | None:
        days = (-400, -8, -7, -6, -1, 0, 1)
        return self.some(0.9, NOW + self.dice.choice(days) * DAY)

    def of_store(self, rows: list[Any], store: Store) -> Any:
        """Mostly of the same store: a remote may name any id."""
        same = [row for row in rows if row.store_id == store.pk]
        return self.dice.choice(rows if self.dice.random() < 0.1 else same)

    def order(self) -> Order:
        sold: Product = self.dice.choice(self.products)
        verdict = self.dice.choice(("", "MATCHED", "MATCHED", "ACCEPTED", "MISMATCH", "WAITING"))
        belongs = verdict in ("MATCHED", "ACCEPTED")
        order = buy(
            sold,
            user=self.some(0.7, self.user()),
            by=self.some(0.8, self.of_store(self.customers, sold.store)),
            verdict=verdict,
            standing=self.dice.choice(("IN_FORCE", "IN_FORCE", "REVERSED", "")) if belongs else "",
            status=self.dice.choice(
                ("COMPLETED", "COMPLETED", "REFUNDED", "CHARGEBACK", "PROCESSING", "NEW")
            ),
            recurring=self.dice.random() < 0.4,
            quantity=self.dice.choice((1, 1, 5, 0, None)),
            created_at=self.moment(),
            gone_at=self.some(0.1, NOW),
        )
        if self.dice.random() < 0.1:
            other = self.dice.choice(self.products)
            order.items.update(product=other)
        return order

    def subscription(self, orders: list[Order]) -> None:
        sold: Product = self.dice.choice(self.products)
        begun = [
            purchase.order
            for purchase in Purchase.objects.filter(
                order__in=orders, store=sold.store, subscription=None, verdict="MATCHED"
            )
        ]
        subscribe(
            sold,
            by=self.some(0.8, self.of_store(self.customers, sold.store)),
            begun_by=self.dice.choice(begun) if begun and self.dice.random() < 0.6 else None,
            status=self.dice.choice(
                ("TRIALING", "ACTIVE", "PAST_DUE", "PAUSED", "CANCELLED", "CANCELLED", "NEW")
            ),
            created_at=self.moment(),
            ends_at=self.moment(),
            gone_at=self.some(0.1, NOW),
        )


def test_the_query_agrees_with_the_rules() -> None:
    seen = set()
    for seed in range(WORLDS):
        with transaction.atomic():
            world = World(seed)
            for at in (NOW - 3 * DAY, NOW, NOW + 30 * DAY):
                table = prefetch_access(world.users, world.products, at=at)
                for user in world.users:
                    found = set(
                        Product.objects.accessible_to(user, at).values_list("pk", flat=True)
                    )
                    answers = {one.pk: table.of(user, one) for one in world.products}
                    seen.update(answer.reason for answer in answers.values())
                    assert found == {pk for pk, one in answers.items() if one.granted}, seed
                    alone = world.dice.choice(world.products)
                    assert access(user, alone, at) == answers[alone.pk], seed
            transaction.set_rollback(True)
    assert seen == set(Reason) or WORLDS < 60


def test_a_thousand_checks_take_two_queries() -> None:
    store = Store.objects.create(pk="shp_1")
    products = [product(store) for _ in range(20)]
    users = [User.objects.create(username=f"user {n}") for n in range(50)]
    for place, user in enumerate(users):
        buy(products[place % 20], user=user, verdict="MATCHED", standing="IN_FORCE")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        table = prefetch_access(users, products)
        granted = [table.of(user, one).granted for user in users for one in products]
    assert (len(granted), sum(granted), len(queries)) == (1000, 50, 2)
    with pytest.raises(LookupError):
        table.of(User.objects.create(username="another"), products[0])
    with CaptureQueriesContext(connection) as queries:
        assert list(Product.objects.accessible_to(users[3])) == [products[3]]
    assert len(queries) == 1


def test_the_lazy_user_of_a_request_is_one_user() -> None:
    store = Store.objects.create(pk="shp_1")
    products = [product(store), product(store)]
    buyer = User.objects.create(username="buyer")
    buy(products[0], user=buyer, verdict="MATCHED", standing="IN_FORCE")
    for user in (buyer, AnonymousUser()):
        lazy: Any = SimpleLazyObject(lambda user=user: user)  # type: ignore[misc]
        expected = [user is buyer, False]
        for whose in (user, lazy):
            table = prefetch_access(whose, products)
            assert [table.of(whose, one).granted for one in products] == expected
            assert [has_access(whose, one) for one in products] == expected
    assert not prefetch_access(None, products).of(None, products[0])


def test_two_stores_with_one_product_id() -> None:
    """The id is the first store's here; what the other one sells under it grants nothing."""
    first, second = Store.objects.create(pk="shp_1"), Store.objects.create(pk="shp_2")
    sold, user = product(first, "prd_same"), User.objects.create(username="buyer")
    who: Customer = customer(second)
    link(user, who)
    order = mirror(Order, second, status="COMPLETED", customer=who)
    mirror(OrderItem, second, order=order, product_id=sold.pk, quantity=1)
    subscribe(product(second), by=who, status="ACTIVE")
    mirror_of = Product.objects.accessible_to(user)
    assert not has_access(user, sold)
    assert sold not in mirror_of
