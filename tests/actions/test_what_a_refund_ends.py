"""A refund cancels what the order subscribed to and takes licences back (Source: P-46)."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from pandabase_django import actions
from pandabase_django.access import access, link_customer
from pandabase_django.models import License, Order, Subscription
from pandabase_django.testing import Pandabase

pytestmark = pytest.mark.django_db

WHY = "Asked by mail."


def refunded(pandabase: Pandabase, order: Order) -> None:
    """By an action, and no webhook says what came of it."""
    action = actions.refund(order, reason=WHY)
    actions.perform(action)
    actions.perform(action)
    action.refresh_from_db()
    assert (action.state, action.next_attempt_at) == ("DONE", None)


@pytest.mark.parametrize("renewed", [False, True])
@pytest.mark.django_db(transaction=True)
def test_the_subscription_is_cancelled_here_as_soon_as_its_order_is_refunded(
    pandabase: Pandabase, renewed: bool
) -> None:
    """Also what a renewal goes on with; of an old buyer, of whom no session is here."""
    product = pandabase.product("Pro", product_type="SUBSCRIPTION")
    place = pandabase.remote.sandbox.state.ids.index_of("product", product.pk)
    pandabase.paid_order()  # a customer
    pandabase.remote.change("create_subscription", product=place)
    pandabase.work()
    subscription = Subscription.objects.get()
    if renewed:
        pandabase.travel(days=31)
        pandabase.renew(subscription)
    order = Order.objects.filter(items__product=product).latest("created_at")
    ada = User.objects.create_user("ada")
    assert subscription.customer is not None
    link_customer(ada, subscription.customer, reason="Showed the invoice.")
    assert access(ada, product).granted
    refunded(pandabase, order)
    assert Subscription.objects.get().status == "CANCELLED"
    assert access(ada, product).reason.value == "ENDED"


@pytest.mark.django_db(transaction=True)
def test_its_licence_is_revoked_here_as_well(pandabase: Pandabase) -> None:
    licence = pandabase.license()
    assert licence.status == "CLAIMED"
    refunded(pandabase, licence.order)
    assert License.objects.get().status == "REVOKED"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lacking", ["subscriptions", "licenses"])
def test_a_token_that_may_not_read_them_is_no_reason_to_try_again(
    pandabase: Pandabase, lacking: str
) -> None:
    if lacking == "licenses":
        order = pandabase.license().order
    else:
        order = pandabase.active_subscription().purchases.get().order
    pandabase.remote.next(403, times=0, path=f"/{lacking}")
    refunded(pandabase, order)


def test_another_subscription_of_the_same_buyer_goes_on(pandabase: Pandabase) -> None:
    product = pandabase.product("Pro", product_type="SUBSCRIPTION")
    first = pandabase.active_subscription(product=product)
    second = pandabase.active_subscription(product=product)
    assert first.customer_id == second.customer_id
    action = actions.refund(first.purchases.get().order, reason=WHY)
    for _ in range(3):
        pandabase.work()
    action.refresh_from_db()
    assert action.state == "DONE"
    statuses = dict(Subscription.objects.values_list("pk", "status"))
    assert statuses == {first.pk: "CANCELLED", second.pk: "ACTIVE"}
