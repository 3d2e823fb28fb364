"""Which subscription a purchase began, whichever of the two is learned of first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from itertools import permutations

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from pandabase_django.access import Reason, access
from pandabase_django.models import CheckoutSession, Order, Product, Purchase, Subscription, SyncRun
from pandabase_django.services.purchases.matching import accept_purchase
from pandabase_django.services.purchases.subscriptions import Begun, Paid, pairs_of
from pandabase_django.services.sync.access.refreshing import fetch_subscription
from pandabase_django.services.sync.runs import sync_resource
from tests.purchases.conftest import Shop, work

NOON = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def paid(
    number: int,
    *,
    customer: str = "cus_1",
    at: float = 0,
    product: str = "prd_1",
    updated: float | None = None,
    status: str = "COMPLETED",
) -> Paid:
    changed = None if updated is None else NOON + updated * HOUR
    return Paid(number, customer, status, NOON + at * HOUR, changed, frozenset({product}))


def begun(
    number: int,
    *,
    customer: str = "cus_1",
    at: float = 0,
    product: str = "prd_1",
    status: str = "ACTIVE",
) -> Begun:
    return Begun(f"sub_{number}", customer, status, NOON + at * HOUR, product)


ONE = {1: "sub_1"}
BOTH = {1: "sub_1", 2: "sub_2"}


@pytest.mark.parametrize(
    ("purchases", "subscriptions", "expected"),
    [
        ([paid(1)], [begun(1)], ONE),
        ([paid(1)], [begun(1, at=7 * 24)], ONE),
        ([paid(1)], [begun(1, at=7 * 24 + 0.1)], {}),
        ([paid(1)], [begun(1, at=-1)], ONE),
        ([paid(1)], [begun(1, at=-1.1)], {}),
        ([paid(1)], [begun(1, customer="cus_2")], {}),
        ([paid(1)], [begun(1, product="prd_2")], {}),
        ([paid(1)], [begun(1, at=0.1), begun(2, at=2)], ONE),
        ([paid(1), paid(2, at=2)], [begun(1, at=0.1)], ONE),
        ([paid(1), paid(2, at=2)], [begun(1, at=0.1), begun(2, at=2.1)], BOTH),
        ([paid(1), paid(2)], [begun(1, product="prd_2"), begun(2)], {1: "sub_2"}),
        # The first is paid three minutes later, when the second is just opened.
        ([paid(1), paid(2, at=0.058)], [begun(1, at=0.05), begun(2, at=0.1)], BOTH),
        # The first is processed for three days.
        ([paid(1), paid(2, at=1)], [begun(1, at=72), begun(2, at=1.02)], BOTH),
        # The second tab is paid first.
        (
            [paid(1, updated=0.2), paid(2, at=0.1, updated=0.15)],
            [begun(1, at=0.2), begun(2, at=0.15)],
            BOTH,
        ),
        # A refund of the first has ended its subscription.
        (
            [paid(1, status="REFUNDED", updated=9), paid(2, at=0.1, updated=9)],
            [begun(1, at=0.2, status="CANCELLED"), begun(2, at=0.3)],
            BOTH,
        ),
        # The remote's clocks differ by some seconds.
        ([paid(1, at=0.002), paid(2, at=1.002)], [begun(1), begun(2, at=1)], BOTH),
        ([], [begun(1)], {}),
    ],
)
def test_they_belong_together_by_customer_product_and_time(
    purchases: list[Paid], subscriptions: list[Begun], expected: dict[int, str]
) -> None:
    for first in permutations(purchases):
        for second in permutations(subscriptions):
            assert pairs_of(first, second) == expected


@pytest.fixture
def plan(shop: Shop) -> Product:
    """A subscription, as the catalogue of both sides has it."""
    sync_resource(shop.store, resource="products", trigger=SyncRun.Trigger.COMMAND)
    found = Product.objects.on_sale().filter(product_type="SUBSCRIPTION", price_minor__gte=100)
    return found.order_by("pk")[0]


def bought(shop: Shop, plan: Product, user: User) -> tuple[CheckoutSession, str, str]:
    """A user pays for the plan; gives the session, the order's id and the subscription's."""
    session = shop.open([{"product_id": plan.pk, "quantity": 1}])
    session.user = user
    session.items[0] |= {"subscription": True, "price_minor": plan.price_minor}
    session.save()
    before = {row["id"] for row in shop.sandbox.dump("subscriptions")}
    order_id = shop.pay(session, email="one@example.com")
    (made,) = {row["id"] for row in shop.sandbox.dump("subscriptions")} - before
    return session, order_id, made


def poll_subscriptions(shop: Shop, subscription_id: str) -> None:
    sync_resource(shop.store, resource="subscriptions", trigger=SyncRun.Trigger.SCHEDULE)


def event(shop: Shop, subscription_id: str) -> None:
    fetch_subscription(shop.store, subscription_id)


@pytest.mark.django_db
@pytest.mark.parametrize("learn", [Shop.poll, Shop.webhook])
@pytest.mark.parametrize("hear", [poll_subscriptions, event])
@pytest.mark.parametrize("order_first", [True, False])
def test_both_are_found_whichever_comes_first(
    shop: Shop,
    plan: Product,
    learn: Callable[[Shop, str], None],
    hear: Callable[[Shop, str], None],
    order_first: bool,
) -> None:
    _, order_id, made = bought(shop, plan, shop.buyer)
    if order_first:
        learn(shop, order_id)
        assert access(shop.buyer, plan).reason == Reason.BEGINS
        hear(shop, made)
    else:
        hear(shop, made)
        assert not access(shop.buyer, plan)
        learn(shop, order_id)
    assert shop.purchase(order_id).subscription_id == made
    assert access(shop.buyer, plan).reason == Reason.SUBSCRIBED
    shop.sandbox.change([{"op": "cancel_subscription", "id": made, "immediate": True}])
    hear(shop, made)
    assert access(shop.buyer, plan).reason == Reason.ENDED


@pytest.mark.django_db
def test_a_plan_that_is_changed_stays_the_users(shop: Shop, plan: Product) -> None:
    _, order_id, made = bought(shop, plan, shop.buyer)
    shop.webhook(order_id)
    event(shop, made)
    other = Product.objects.exclude(pk=plan.pk).first()
    assert other is not None
    change = {"op": "change_subscription", "id": made, "plan": {"product_id": other.pk}}
    shop.sandbox.change([change, {"op": "renew_subscription", "id": made}])
    event(shop, made)
    assert Subscription.objects.get(pk=made).product_id == other.pk
    assert access(shop.buyer, other).reason == Reason.SUBSCRIBED
    assert not access(shop.buyer, plan)


@pytest.mark.django_db
def test_users_of_one_customer_have_their_own(shop: Shop, plan: Product) -> None:
    """Whoever types somebody's e-mail address gets what they paid for themselves, and no more."""
    other = User.objects.create(username="other")
    _, first, mine = bought(shop, plan, shop.buyer)
    shop.sandbox.set_clock(shop.sandbox.state.clock.now_ms() + 3_600_000)
    _, second, theirs = bought(shop, plan, other)
    for one in (first, second):
        shop.webhook(one)
    for one in (theirs, mine):
        event(shop, one)
    assert Order.objects.get(pk=first).customer_id == Order.objects.get(pk=second).customer_id
    assert shop.purchase(first).subscription_id == mine
    assert shop.purchase(second).subscription_id == theirs
    shop.sandbox.change([{"op": "cancel_subscription", "id": theirs, "immediate": True}])
    event(shop, theirs)
    assert access(shop.buyer, plan)
    assert not access(other, plan)


@pytest.mark.django_db
def test_each_has_their_own_in_any_order_of_arrival(shop: Shop, plan: Product) -> None:
    other = User.objects.create(username="other")
    _, first, mine = bought(shop, plan, shop.buyer)
    _, second, theirs = bought(shop, plan, other)
    arrivals: dict[str, Callable[[], None]] = {
        "my order": lambda: shop.webhook(first),
        "their order": lambda: shop.webhook(second),
        "my plan": lambda: event(shop, mine),
        "their plan": lambda: event(shop, theirs),
    }
    for names in permutations(arrivals):
        before = transaction.savepoint()
        for name in names:
            arrivals[name]()
        found = (shop.purchase(first).subscription_id, shop.purchase(second).subscription_id)
        assert found == (mine, theirs), names
        transaction.savepoint_rollback(before)


@pytest.mark.django_db
@pytest.mark.parametrize(("others", "mended"), [(0, True), (50, False)])
def test_of_a_crowd_what_was_found_stays(
    shop: Shop, plan: Product, *, others: int, mended: bool
) -> None:
    _, first, mine = bought(shop, plan, shop.buyer)
    _, second, theirs = bought(shop, plan, shop.buyer)
    for one in (first, second):
        shop.webhook(one)
    event(shop, mine)
    customer = Order.objects.get(pk=first).customer_id
    Purchase.objects.filter(order=first).update(subscription=None)
    Purchase.objects.filter(order=second).update(subscription=mine)
    Subscription.objects.bulk_create(
        Subscription(
            store=shop.store,
            pk=f"sub_{number}",
            product_id=plan.pk,
            customer_id=customer,
            created_at=NOON - 999 * HOUR,
            first_seen_at=NOON,
            synced_at=NOON,
        )
        for number in range(others)
    )
    event(shop, theirs)
    expected = (mine, theirs) if mended else (theirs, mine)
    assert (
        shop.purchase(first).subscription_id,
        shop.purchase(second).subscription_id,
    ) == expected


@pytest.mark.django_db
def test_a_mismatch_begins_nothing_until_it_is_accepted(shop: Shop, plan: Product) -> None:
    session, order_id, made = bought(shop, plan, shop.buyer)
    session.subtotal_minor, session.items[0]["price_minor"] = 1, 1
    session.save()
    shop.webhook(order_id)
    event(shop, made)
    assert access(shop.buyer, plan).reason == Reason.MISMATCH
    accept_purchase(shop.purchase(order_id).pk, reason="An old price.", user=None)
    assert access(shop.buyer, plan).reason == Reason.SUBSCRIBED


@pytest.mark.django_db(transaction=True)
def test_two_transactions_at_one_moment_are_put_together_by_the_worker(
    shop: Shop, plan: Product
) -> None:
    _, order_id, made = bought(shop, plan, shop.buyer)
    shop.webhook(order_id)
    event(shop, made)
    Purchase.objects.update(subscription=None)  # as if neither had seen the other
    work()
    assert shop.purchase(order_id).subscription_id == made
