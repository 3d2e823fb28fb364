"""After the sale: money that goes back, subscriptions that end, and code that fails."""

import pytest
from courses.models import Seat
from django.db import IntegrityError
from django.test import TestCase, TransactionTestCase

from pandabase_django.access import has_access
from pandabase_django.models import Order, Purchase
from pandabase_django.testing import PandabaseMixin


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user("ada")


@pytest.fixture
def paid(pandabase, ada):
    return pandabase.paid_order(user=ada, purpose="course")


def test_a_refund_takes_the_seat(pandabase, paid):
    assert pandabase.refund(paid).status == "REFUNDED"
    assert not Seat.objects.exists()


def test_a_dispute_takes_the_seat_and_a_won_one_gives_it_back(pandabase, paid):
    pandabase.dispute(paid)
    assert not Seat.objects.exists()
    pandabase.resolve(paid, outcome="WON")
    assert Seat.objects.count() == 1


def test_a_lost_dispute_leaves_nothing(pandabase, paid):
    pandabase.dispute(paid)
    pandabase.resolve(paid, outcome="LOST")
    assert not Seat.objects.exists()


def test_a_delivery_that_comes_again_gives_no_second_seat(pandabase, paid):
    delivery = pandabase.deliver("PAYMENT_COMPLETED", paid, times=3)
    assert delivery.state == "PROCESSED"
    assert Seat.objects.count() == 1


def test_a_lost_delivery_is_made_up_for_by_a_poll(pandabase, ada):
    pandabase.remote.pay(pandabase.checkout(user=ada, purpose="course"))
    assert not Seat.objects.exists()
    pandabase.sync()
    assert Seat.objects.count() == 1
    pandabase.work()  # it was only late
    assert Seat.objects.count() == 1


def test_a_handler_that_fails_is_called_again(pandabase, ada, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Seat.objects, "get_or_create", _fail)
        pandabase.paid_order(user=ada, purpose="course")
    assert "IntegrityError" in Purchase.objects.get().last_error
    pandabase.work()
    assert not Seat.objects.exists()  # it is not due yet
    pandabase.travel(minutes=1)
    assert Seat.objects.get().user == ada


def test_a_handler_that_goes_on_failing_is_given_up(pandabase, ada, monkeypatch):
    monkeypatch.setattr(Seat.objects, "get_or_create", _fail)
    pandabase.paid_order(user=ada, purpose="course")
    for _ in range(8):
        pandabase.travel(hours=13)
    purchase = Purchase.objects.get()
    assert (purchase.state, purchase.attempts) == ("DEAD", 8)


def test_a_guest_has_no_account_to_give_a_seat_to(pandabase):
    pandabase.paid_order(purpose="course")
    assert "IntegrityError" in Purchase.objects.get().last_error


def test_pandabase_is_down_while_a_delivery_is_worked_on(pandabase, ada):
    session = pandabase.checkout(user=ada, purpose="course")
    pandabase.remote.pay(session)
    pandabase.remote.next("unreachable", times=0)
    pandabase.work()
    assert not Order.objects.exists()
    pandabase.remote.recover()
    pandabase.travel(minutes=1)
    assert Seat.objects.count() == 1


def test_a_session_expires(pandabase, ada):
    session = pandabase.checkout(user=ada)
    pandabase.travel(hours=7)
    session.refresh_from_db()
    assert session.state == "EXPIRED"


def test_a_subscription_goes_on_while_it_is_paid_and_ends_with_its_period(pandabase, ada):
    club = pandabase.product("Club", product_type="SUBSCRIPTION")
    subscription = pandabase.active_subscription(ada, club)
    pandabase.travel(days=30)
    subscription = pandabase.renew(subscription)
    assert has_access(ada, club)
    pandabase.cancel(subscription)
    pandabase.travel(days=29)
    assert has_access(ada, club)
    pandabase.travel(days=2)
    assert not has_access(ada, club)


def test_a_licence_ends_with_a_refund(pandabase, ada):
    license = pandabase.license(ada)
    pandabase.refund(license.order)
    license.refresh_from_db()
    assert license.status == "REVOKED"


def _fail(*args, **kwargs):
    raise IntegrityError


class CaseTests(PandabaseMixin, TestCase):
    def test_a_seat_is_given_in_a_test_case(self):
        order = self.pandabase.paid_order(user=_user("bob"), purpose="course")
        self.assertEqual(Seat.objects.get().user, order.user)


class TransactionCaseTests(PandabaseMixin, TransactionTestCase):
    def test_a_seat_is_given_in_a_transaction_test_case(self):
        order = self.pandabase.paid_order(user=_user("bob"), purpose="course")
        self.pandabase.refund(order)
        self.assertFalse(Seat.objects.exists())


def _user(name):
    from django.contrib.auth.models import User

    return User.objects.create_user(name)
