"""Each row of a factory is one that production would have, in one line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from pandabase_django.access import has_access
from pandabase_django.checkout import FreeItem, estimate_checkout
from pandabase_django.events import on_paid, on_restored, on_reversed
from pandabase_django.models import Order, Product, Purchase, Subscription, WebhookDelivery
from pandabase_django.sandbox import ChangeRefused
from pandabase_django.services import client_for
from pandabase_django.testing import Pandabase

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


@pytest.fixture
def calls() -> list[str]:
    said: list[str] = []

    @on_paid()
    def hand_out(purchase: Purchase) -> None:
        said.append("paid")

    @on_reversed()
    def take_back(purchase: Purchase) -> None:
        said.append("reversed")

    @on_restored()
    def give_again(purchase: Purchase) -> None:
        said.append("restored")

    return said


def test_a_product_is_on_sale(pandabase: Pandabase) -> None:
    product = pandabase.product("Pro", price_minor=4900, variants=[{"title": "Team", "price": 100}])
    assert product in Product.objects.on_sale()
    assert (product.title, product.price_minor, product.status) == ("Pro", 4900, "ACTIVE")
    (variant,) = product.variants.all()
    assert variant.price_minor == 100
    assert pandabase.product().pk != product.pk


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"billingIntervall": "YEARLY"}, r"no billingIntervall; known are .*billingInterval"),
        ({"product_type": "SUBSCRIPTON"}, "productType must be one of SUBSCRIPTION"),
        ({"status": "ACTIV"}, "status must be one of DRAFT, ACTIVE"),
        ({"trialDays": "14"}, "trialDays must be an integer"),
        ({"variants": [{"prize": 1}]}, "prize"),
    ],
)
def test_what_is_misspelt_is_refused(
    pandabase: Pandabase, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        pandabase.product(**fields)
    assert pandabase.remote.sandbox.dump("products") == []


def test_what_a_buyer_does_not_give_is_refused(pandabase: Pandabase) -> None:
    session = pandabase.checkout()
    for pay in (pandabase.pay, pandabase.pay_slowly, pandabase.decline, pandabase.remote.pay):
        with pytest.raises(TypeError, match="no contry; known are email, name, country"):
            pay(session, contry="DE")
    order = pandabase.pay(session, country="DE", presentment="EUR", typed={"nick": "Ada"})
    assert order.payload["customFields"] == {"nick": "Ada"}
    free = {"pricingModel": "PAY_WHAT_YOU_WANT", "minimumPrice": 300}
    gift = pandabase.product(price_minor=500, currency="USD", **free)
    assert pandabase.paid_order(gift, buyer={"prices": {0: 400}}).amount_minor == 400


def test_a_paid_order_is_its_users(pandabase: Pandabase, ada: User, calls: list[str]) -> None:
    order = pandabase.paid_order(user=ada, purpose="course", context={"course": 3})
    assert (order.status, order.user, order.amount_minor) == ("COMPLETED", ada, 2900)
    assert order.session is not None
    assert (order.session.state, order.session.purpose) == ("PAID", "course")
    (item,) = order.items.all()
    assert has_access(ada, item.product)
    assert calls == ["paid"]
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"PROCESSED"}


def test_what_is_bought_can_be_named(pandabase: Pandabase) -> None:
    free = FreeItem(name="Hour", amount_minor=9000, quantity=2)
    order = pandabase.paid_order(free, buyer={"email": "eve@example.com", "country": "DE"})
    assert order.customer is not None
    assert (order.customer.email, order.payload["amount"]) == ("eve@example.com", 18000)
    product = pandabase.product()
    assert pandabase.paid_order((product, 3)).items.get().quantity == 3


@pytest.mark.pandabase(tax_included=True)
def test_a_buyer_pays_what_was_estimated(pandabase: Pandabase) -> None:
    course = pandabase.product(price_minor=11_900)
    estimate = estimate_checkout(pandabase.store, [course], country="DE")
    payment = pandabase.paid_order(course, buyer={"country": "DE"}).payload["payment"]
    assert (payment["totalAmount"], payment["taxAmount"]) == (11_900, 1900)
    assert (estimate.total_minor, estimate.tax_amount_minor) == (11_900, 1900)


def test_money_goes_back_and_comes_again(pandabase: Pandabase, ada: User, calls: list[str]) -> None:
    order = pandabase.paid_order(user=ada)
    assert pandabase.dispute(order).status == "CHARGEBACK"
    assert pandabase.resolve(order).status == "COMPLETED"
    assert pandabase.refund(order).status == "REFUNDED"
    assert calls == ["paid", "reversed", "restored", "reversed"]


def test_a_slow_payment_is_paid_later(pandabase: Pandabase, calls: list[str]) -> None:
    session = pandabase.checkout()
    assert pandabase.pay_slowly(session).status == "PROCESSING"
    assert calls == []
    assert pandabase.pay(session).status == "COMPLETED"
    assert calls == ["paid"]
    assert Order.objects.count() == 1


def test_a_declined_payment_is_tried_again(pandabase: Pandabase, calls: list[str]) -> None:
    session = pandabase.checkout()
    assert pandabase.decline(session).status == "FAILED"
    session.refresh_from_db()
    assert session.state == "FAILED"
    assert pandabase.pay(session).status == "COMPLETED"
    assert calls == ["paid"]


def test_a_session_is_paid_once_and_in_time(pandabase: Pandabase, calls: list[str]) -> None:
    session = pandabase.checkout()
    paid = pandabase.pay(session)
    for pay in (pandabase.pay, pandabase.decline, pandabase.pay_slowly):
        with pytest.raises(ChangeRefused, match=r"that is PAID can't be paid .*pay_checkout"):
            pay(session)
    late, slow = pandabase.checkout(), pandabase.checkout()
    pandabase.pay_slowly(slow)
    pandabase.travel(hours=7)
    with pytest.raises(ChangeRefused, match="EXPIRED"):
        pandabase.pay(late)
    assert pandabase.pay(slow).status == "COMPLETED"
    assert calls == ["paid", "paid"]
    pandabase.remote.change("pay_checkout", id=session.session_id)
    pandabase.work()
    assert Order.objects.filter(order_number=paid.order_number).count() == 2


def test_money_goes_back_only_where_it_came(pandabase: Pandabase) -> None:
    failed, slow = pandabase.decline(pandabase.checkout()), pandabase.checkout()
    processed = pandabase.pay_slowly(slow)
    refunded = pandabase.refund(pandabase.paid_order())
    disputed = pandabase.dispute(pandabase.paid_order())
    for order in (failed, processed, refunded, disputed):
        for lose in (pandabase.refund, pandabase.dispute):
            with pytest.raises(ChangeRefused, match=f"An order that is {order.status} can't be"):
                lose(order)
    assert len(pandabase.remote.sandbox.dump("refunds")) == 1
    with pytest.raises(ChangeRefused, match="without a dispute"):
        pandabase.resolve(refunded)
    with pytest.raises(ChangeRefused, match="only as WON, LOST, PREVENTED"):
        pandabase.resolve(disputed, outcome="WINS")
    pandabase.resolve(disputed, outcome="LOST")
    with pytest.raises(ChangeRefused, match="that is LOST can't end"):
        pandabase.resolve(disputed)


@pytest.mark.pandabase(refund_days=30)
def test_a_refund_has_its_time(pandabase: Pandabase) -> None:
    order = pandabase.paid_order()
    pandabase.travel(days=31)
    with pytest.raises(ChangeRefused, match="refund window"):
        pandabase.refund(order)


def test_what_is_cancelled_is_neither_charged_nor_cancelled(pandabase: Pandabase) -> None:
    subscription = pandabase.cancel(pandabase.active_subscription())
    for move in (pandabase.renew, pandabase.miss_charge, pandabase.cancel):
        with pytest.raises(ChangeRefused, match=r"that is CANCELLED can't be .*remote.change"):
            move(subscription)
    ended = pandabase.cancel(subscription, immediate=True)
    assert ended.ends_at < subscription.ends_at
    with pytest.raises(ChangeRefused, match="once more"):
        pandabase.cancel(subscription, immediate=True)


def test_a_subscription_lives_its_life(pandabase: Pandabase, ada: User) -> None:
    subscription = pandabase.active_subscription(ada)
    product = subscription.product
    assert product is not None
    assert (product.title, subscription.amount_minor) == ("Course", 2900)
    assert subscription.purchases.get().user == ada
    assert pandabase.renew(subscription).current_period_end > subscription.current_period_end
    assert pandabase.miss_charge(subscription).status == "PAST_DUE"
    assert has_access(ada, product)
    subscription = pandabase.cancel(subscription)
    assert has_access(ada, product)
    pandabase.travel(days=70)
    assert not has_access(ada, product)
    assert subscription.ends_at < timezone.now()


def test_a_subscription_is_that_of_its_buyer(pandabase: Pandabase, ada: User) -> None:
    club = pandabase.product("Club", product_type="SUBSCRIPTION")
    first = pandabase.active_subscription(ada, club)
    second = pandabase.active_subscription(User.objects.create_user("bob"), club)
    assert first.pk != second.pk
    with pytest.raises(ValueError, match=r"Course.* is no SUBSCRIPTION"):
        pandabase.active_subscription(ada, pandabase.product("Course"))


@pytest.mark.parametrize(("interval", "days"), [("WEEKLY", 7), ("MONTHLY", 30), ("YEARLY", 365)])
def test_a_subscription_is_as_its_product_says(
    pandabase: Pandabase, interval: str, days: int
) -> None:
    club = pandabase.product(
        "Club", product_type="SUBSCRIPTION", billingInterval=interval, trialDays=14
    )
    trial = pandabase.active_subscription(product=club)
    assert (trial.status, trial.billing_interval) == ("TRIALING", interval)
    assert trial.trial_end == trial.current_period_end
    assert trial.trial_end - trial.current_period_start == timedelta(days=14)
    paid = pandabase.renew(trial)
    assert paid.status == "ACTIVE"
    assert paid.current_period_end - trial.trial_end == timedelta(days=days)


def test_a_subscription_to_a_variant_costs_what_the_variant_does(pandabase: Pandabase) -> None:
    gold = {"title": "Gold", "options": {"Plan": "Gold"}, "price": 9900}
    club = pandabase.product("Club", product_type="SUBSCRIPTION", variants=[gold])
    order = pandabase.paid_order((club.variants.get(), 2))
    subscription = Subscription.objects.get()
    assert subscription.amount_minor == order.amount_minor == 19_800
    with client_for(pandabase.store) as client:
        assert client.subscriptions.upcoming_invoice(subscription.pk).payload["total"] == 19_800
    pandabase.renew(subscription)
    renewal = Order.objects.latest("created_at")
    assert (renewal.amount_minor, renewal.items.get().variant) == (19_800, club.variants.get())


def test_a_licence_is_its_orders(pandabase: Pandabase, ada: User) -> None:
    license = pandabase.license(ada)
    assert license.status == "CLAIMED"
    assert license.order is not None
    assert license.order.user == ada
    pandabase.refund(license.order)
    license.refresh_from_db()
    assert license.status == "REVOKED"


def test_a_sync_finds_what_no_delivery_said(
    pandabase: Pandabase, ada: User, calls: list[str]
) -> None:
    session = pandabase.checkout(user=ada)
    order_id = pandabase.remote.pay(session)
    assert not Order.objects.exists()
    pandabase.sync()
    assert Order.objects.get().pk == order_id
    assert calls == ["paid"]
    assert not WebhookDelivery.objects.exists()
    pandabase.work()  # they come late
    assert WebhookDelivery.objects.count() == 2
    assert calls == ["paid"]


@pytest.mark.urls("tests.testing.no_urls")
def test_a_shop_without_webhooks_polls(pandabase: Pandabase, ada: User, calls: list[str]) -> None:
    assert pandabase.endpoint is None
    order = pandabase.paid_order(user=ada)
    assert pandabase.refund(order).status == "REFUNDED"
    assert pandabase.active_subscription(ada).status == "ACTIVE"
    assert calls == ["paid", "reversed", "paid"]
    with pytest.raises(RuntimeError, match="include"):
        pandabase.deliver("PAYMENT_COMPLETED", order)


@pytest.mark.parametrize("run", [1, 2])
@pytest.mark.pandabase(seed=5)
def test_ids_are_those_of_the_seed(pandabase: Pandabase, run: int) -> None:
    order = pandabase.paid_order()
    assert pandabase.store.pk == "shp_y2sq684rj0s6ky55sg6mpw87"
    assert order.pk == "ord_2mm8ch5v090ekkqtnda4xfcp"
