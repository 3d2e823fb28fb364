"""Lives of buyers, from the first click on: each step by the remote, webhooks and syncs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from pandabase_django import actions
from pandabase_django.access import access, has_access
from pandabase_django.models import Product, RemoteAction, Subscription
from pandabase_django.testing import Pandabase

WHY = "Asked by mail."

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada")


@pytest.fixture
def bo(db: None) -> User:
    return User.objects.create_user("bo")


def reason(user: User, product: Product) -> str:
    return access(user, product).reason.value


def done(pandabase: Pandabase, action: RemoteAction) -> None:
    pandabase.work()
    pandabase.work()
    action.refresh_from_db()
    assert action.state == "DONE", action.outcome


def plan(pandabase: Pandabase, title: str, price: int) -> Product:
    return pandabase.product(title, price_minor=price, product_type="SUBSCRIPTION")


def test_who_bought_twice_keeps_what_the_other_order_paid(pandabase: Pandabase, ada: User) -> None:
    course = pandabase.product()
    first = pandabase.paid_order(course, user=ada)
    second = pandabase.paid_order(course, user=ada)
    pandabase.refund(first)
    assert reason(ada, course) == "BOUGHT"
    done(pandabase, actions.refund(second, reason=WHY))
    assert (has_access(ada, course), reason(ada, course)) == (False, "REVERSED")
    pandabase.paid_order(course, user=ada)
    assert reason(ada, course) == "BOUGHT"


def test_a_dispute_that_is_won_after_a_refund_gives_nothing_back(
    pandabase: Pandabase, ada: User
) -> None:
    course = pandabase.product()
    order = pandabase.paid_order(course, user=ada)
    pandabase.dispute(order)
    assert reason(ada, course) == "REVERSED"
    # Pandabase refuses it once it knows of the dispute; the two may cross.
    pandabase.remote.change("refund_order", id=order.pk)
    pandabase.work()
    assert reason(ada, course) == "REVERSED"
    order = pandabase.resolve(order)
    # The shop has won, and given the money back before: no money is here.
    assert order.status == "REFUNDED"
    assert (has_access(ada, course), reason(ada, course)) == (False, "REVERSED")


def test_a_dispute_that_is_won_gives_access_back(pandabase: Pandabase, ada: User) -> None:
    course = pandabase.product()
    order = pandabase.paid_order(course, user=ada)
    pandabase.dispute(order)
    assert reason(ada, course) == "REVERSED"
    pandabase.resolve(order)
    assert reason(ada, course) == "BOUGHT"
    pandabase.dispute(order)
    pandabase.resolve(order, outcome="LOST")
    assert reason(ada, course) == "REVERSED"


def test_a_changed_plan_is_the_new_products_alone(
    pandabase: Pandabase, ada: User, bo: User
) -> None:
    small, large = plan(pandabase, "Small", 900), plan(pandabase, "Large", 2900)
    subscription = pandabase.active_subscription(ada, small)
    assert (reason(ada, small), reason(ada, large)) == ("SUBSCRIBED", "NOT_BOUGHT")
    done(pandabase, actions.change_plan(subscription, product=large, reason=WHY))
    assert (has_access(ada, small), has_access(ada, large)) == (False, True)
    assert reason(ada, large) == "SUBSCRIBED"
    assert not has_access(bo, large)
    # Its renewals, and its end, are the new product's too.
    pandabase.renew(Subscription.objects.get(pk=subscription.pk))
    assert (has_access(ada, small), has_access(ada, large)) == (False, True)
    pandabase.cancel(Subscription.objects.get(pk=subscription.pk), immediate=True)
    assert (has_access(ada, small), has_access(ada, large)) == (False, False)


def test_a_gift_of_several_pieces_is_for_whom_it_was_opened(
    pandabase: Pandabase, ada: User, bo: User
) -> None:
    course = pandabase.product()
    order = pandabase.paid_order((course, 3), user=bo, buyer={"email": "ada@example.com"})
    assert order.items.get().quantity == 3
    # Who paid, and with which address, counts for nothing; three pieces are one access.
    assert (has_access(ada, course), has_access(bo, course)) == (False, True)
    pandabase.refund(order)
    assert (reason(bo, course), reason(ada, course)) == ("REVERSED", "NOT_BOUGHT")


def test_who_cancels_and_comes_back_goes_on_without_an_end(pandabase: Pandabase, ada: User) -> None:
    pro = plan(pandabase, "Pro", 1900)
    subscription = pandabase.active_subscription(ada, pro)
    done(pandabase, actions.cancel_subscription(subscription, reason=WHY))
    found = access(ada, pro)
    assert (found.granted, found.reason.value) == (True, "ENDS")
    ends_at = found.until
    assert ends_at is not None
    assert not access(ada, pro, at=ends_at).granted
    subscription.refresh_from_db()
    done(pandabase, actions.reactivate_subscription(subscription, reason=WHY))
    found = access(ada, pro, at=ends_at)
    assert (found.granted, found.reason.value, found.until) == (True, "SUBSCRIBED", None)
    subscription.refresh_from_db()
    done(pandabase, actions.cancel_subscription(subscription, immediate=True, reason=WHY))
    assert (has_access(ada, pro), reason(ada, pro)) == (False, "ENDED")
