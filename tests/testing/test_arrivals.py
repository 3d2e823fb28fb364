"""What arrives does so through the real view, and is worked on by the real tasks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from celery.contrib.testing.worker import start_worker
from celery.signals import task_postrun
from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.test import TestCase, TransactionTestCase
from django.utils import timezone

from pandabase_django import actions
from pandabase_django.checkout import CheckoutUnavailable
from pandabase_django.events import Event, on_event, on_paid
from pandabase_django.models import (
    CheckoutSession,
    HandledEvent,
    Order,
    Purchase,
    UsageRecord,
)
from pandabase_django.sandbox import ChangeRefused
from pandabase_django.testing import Pandabase, PandabaseMixin, arrivals
from pandabase_django.usage import record_usage
from tests.brokers import broker_at

pytestmark = pytest.mark.django_db


def test_an_event_is_handled_once_however_often_it_arrives(pandabase: Pandabase) -> None:
    seen = []

    @on_event("PAYMENT_COMPLETED")
    def thank(event: Event) -> None:
        assert event.order is not None
        seen.append(event.order.status)

    order = pandabase.paid_order()
    delivery = pandabase.deliver("PAYMENT_COMPLETED", order, times=3)
    assert (delivery.state, delivery.version) == ("PROCESSED", "V2")
    assert delivery.order_id == order.pk
    assert seen == ["COMPLETED"] * 2
    assert HandledEvent.objects.count() == 2


def test_an_event_may_be_about_a_subscription(pandabase: Pandabase) -> None:
    seen = []

    @on_event("SUBSCRIPTION_TRIAL_ENDING")
    def remind(event: Event) -> None:
        assert event.subscription is not None
        seen.append(event.subscription.id)

    subscription = pandabase.active_subscription()
    pandabase.deliver("SUBSCRIPTION_TRIAL_ENDING", subscription)
    assert seen == [subscription.pk]


def test_what_pandabase_does_not_have_can_not_be_delivered(pandabase: Pandabase) -> None:
    stranger = Order(pk="ord_1", store=pandabase.store)
    with pytest.raises(ChangeRefused):
        pandabase.deliver("PAYMENT_COMPLETED", stranger)
    with pytest.raises(ChangeRefused, match="PAYMENT_DONE"):
        pandabase.deliver("PAYMENT_DONE", pandabase.paid_order())


def test_a_handler_that_fails_is_called_again_when_its_time_has_come(pandabase: Pandabase) -> None:
    tries = []

    @on_paid()
    def stumble(purchase: Purchase) -> None:
        tries.append(timezone.now())
        if len(tries) < 3:
            raise RuntimeError("Not yet.")

    pandabase.paid_order()
    purchase = Purchase.objects.get()
    assert (len(tries), purchase.state, purchase.attempts) == (1, "PENDING", 1)
    assert "Not yet." in purchase.last_error
    pandabase.work()
    assert len(tries) == 1
    pandabase.travel(seconds=15)
    pandabase.travel(seconds=30)
    assert len(tries) == 2
    pandabase.travel(minutes=1)
    purchase.refresh_from_db()
    assert (len(tries), purchase.state) == (3, "IDLE")
    assert tries[-1] - tries[0] > timedelta(seconds=100)


def test_what_was_refused_is_delivered_again(pandabase: Pandabase) -> None:
    session = pandabase.checkout()
    pandabase.endpoint.enabled = False
    pandabase.endpoint.save()
    pandabase.remote.pay(session)
    pandabase.work()
    assert not Order.objects.exists()
    pandabase.endpoint.enabled = True
    pandabase.endpoint.save()
    pandabase.work()
    assert not Order.objects.exists()
    pandabase.travel(minutes=10)
    assert Order.objects.get().status == "COMPLETED"


def test_a_remote_that_is_down_is_asked_again(pandabase: Pandabase) -> None:
    session = pandabase.checkout()
    pandabase.remote.next("unreachable", times=0)
    with pytest.raises(LookupError, match=r"ord_\w+ did not arrive: .*refused"):
        pandabase.pay(session)
    pandabase.remote.recover()
    pandabase.travel(minutes=2)
    assert Order.objects.get().status == "COMPLETED"


def test_a_session_ends_when_its_time_is_over(pandabase: Pandabase) -> None:
    session = pandabase.checkout()
    assert timezone.now() < session.expires_at
    pandabase.travel(hours=7)
    session.refresh_from_db()
    assert timezone.now() > session.expires_at
    assert session.state == CheckoutSession.State.EXPIRED
    other = pandabase.checkout()
    assert other.expires_at > timezone.now() + timedelta(hours=5)
    assert pandabase.pay(other).created_at > session.expires_at


def test_the_remote_s_clock_goes_with_time(pandabase: Pandabase) -> None:
    """It says so in each answer; usage, and a token's test, ask how far the clocks are apart."""
    pandabase.travel(days=30)
    subscription = pandabase.active_subscription()
    product = subscription.product_id
    pandabase.remote.change("create_meter", product_id=product, event="calls")
    pandabase.cancel(subscription, immediate=True)
    record_usage(subscription, "calls", 1)
    pandabase.work()
    assert UsageRecord.objects.get().state == "REJECTED"
    course = pandabase.product()
    pandabase.remote.next(429, retry_after_seconds=30)
    for seconds in (0, 24):
        pandabase.travel(seconds=seconds)
        with pytest.raises(CheckoutUnavailable):
            pandabase.checkout(course)
    pandabase.travel(seconds=7)
    assert pandabase.checkout(course).checkout_url


def test_time_is_as_it_was_after_the_test(db: None) -> None:
    before = timezone.now
    with Pandabase() as pandabase:
        with pytest.raises(ValueError, match="go back"):
            pandabase.travel(days=-1)
        pandabase.travel(days=400)
        assert timezone.now() - before() > timedelta(days=399)
        pandabase.deliver("PAYMENT_COMPLETED", pandabase.paid_order())
    assert timezone.now is before


def test_two_stores_are_two_pandabases(pandabase: Pandabase) -> None:
    calls = []

    @on_paid()
    def hand_out(purchase: Purchase) -> None:
        calls.append(purchase.store_id)

    with Pandabase(seed=2) as other:
        assert other.store != pandabase.store
        theirs, ours = other.paid_order(), pandabase.paid_order()
        other.travel(days=1)
        later = pandabase.paid_order()
    assert (theirs.store, ours.store) == (other.store, pandabase.store)
    assert later.created_at - ours.created_at >= timedelta(days=1)
    assert calls == [other.store.pk, pandabase.store.pk, pandabase.store.pk]
    assert pandabase.refund(later).status == "REFUNDED"
    assert not any(other.store.pk in request for request in pandabase.remote.requests)


def test_an_action_is_sent_by_a_worker_and_its_event_arrives(pandabase: Pandabase) -> None:
    order = pandabase.paid_order()
    action = actions.refund(order, reason="The customer asked for it.")
    assert action.state == "PREPARED"
    pandabase.work()
    action.refresh_from_db()
    order.refresh_from_db()
    assert (action.state, order.status) == ("DONE", "REFUNDED")


def test_usage_is_sent(pandabase: Pandabase) -> None:
    product = pandabase.product(product_type="SUBSCRIPTION")
    index = pandabase.remote.sandbox.state.ids.index_of("product", product.pk)
    pandabase.remote.change("create_meter", product=index, event="tokens")
    subscription = pandabase.active_subscription(product=product)
    record_usage(subscription, "tokens", 3)
    pandabase.work()
    assert UsageRecord.objects.get().state == "SENT"
    (sent,) = pandabase.remote.sandbox.dump("usage")
    assert sent["quantity"] == 3


def test_what_a_shop_does_on_commit_is_done(pandabase: Pandabase) -> None:
    done = []

    @on_paid()
    def thank(purchase: Purchase) -> None:
        transaction.on_commit(lambda: done.append(purchase.pk))

    pandabase.paid_order()
    assert len(done) == 1


@pytest.mark.parametrize("eager", [True, False])
def test_celerys_settings_do_not_matter(pandabase: Pandabase, eager: bool) -> None:
    current_app.conf.task_always_eager = eager
    try:
        with broker_at("redis://192.0.2.1:1/0"):
            assert pandabase.refund(pandabase.paid_order()).status == "REFUNDED"
    finally:
        current_app.conf.task_always_eager = False


class InATestCase(PandabaseMixin, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.ada = User.objects.create_user("ada")

    def test_the_first(self) -> None:
        order = self.pandabase.paid_order(user=self.ada)
        assert order.user == self.ada

    def test_the_second_knows_nothing_of_it(self) -> None:
        assert not Order.objects.exists()
        assert self.pandabase.refund(self.pandabase.paid_order()).status == "REFUNDED"


class InATransactionTestCase(PandabaseMixin, TransactionTestCase):
    pandabase_options = {"products": 2}

    def test_the_first(self) -> None:
        self.pandabase.sync()
        assert self.pandabase.paid_order().status == "COMPLETED"
        assert len(self.pandabase.remote.sandbox.dump("products")) == 3

    def test_the_second_knows_nothing_of_it(self) -> None:
        assert not Order.objects.exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.pandabase(celery=True)
def test_a_worker_of_the_shops_own_does_the_work(pandabase: Pandabase) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite in memory has one connection")
    threads = []

    @on_paid()
    def hand_out(purchase: Purchase) -> None:
        threads.append(purchase.pk)

    @task_postrun.connect
    def close(**_: Any) -> None:
        connections.close_all()  # the thread's own

    with (
        broker_at("memory://"),
        start_worker(current_app, pool="solo", perform_ping_check=False, shutdown_timeout=30),
    ):
        order = pandabase.paid_order()
        assert order.status == "COMPLETED"
        pandabase.wait_for(lambda: threads)
        assert pandabase.dispute(order).status == "CHARGEBACK"
        assert pandabase.resolve(order).status == "COMPLETED"
        assert pandabase.refund(order).status == "REFUNDED"
        with pytest.raises(TimeoutError):
            pandabase.wait_for(lambda: False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.pandabase(celery=True)
def test_nobody_waits_for_a_worker_for_ever(
    pandabase: Pandabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "PATIENCE_SECONDS", 0.1)
    with broker_at("memory://"):
        session = pandabase.checkout()
        with pytest.raises(TimeoutError, match=r"worked off: 2; is a worker running\?"):
            pandabase.pay(session)
        # What they said is known, so the order's row is there; the next event waits.
        pandabase.sync("orders")
        with pytest.raises(TimeoutError, match="worked off: 3"):
            pandabase.refund(Order.objects.get())


@pytest.mark.pandabase(served=True)
def test_a_worker_in_another_process_may_ask(pandabase: Pandabase) -> None:
    assert pandabase.token.base_url.startswith("http://127.0.0.1:")
    assert pandabase.paid_order().status == "COMPLETED"
