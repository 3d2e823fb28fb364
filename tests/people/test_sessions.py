"""Which checkout sessions are a person's: paid by them, or opened by a user of theirs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from pandabase_django.access import link_customer, unlink_customer
from pandabase_django.models import CheckoutSession, Customer, CustomerLink, Erasure, Purchase
from pandabase_django.services.people.erasing import erase_person
from pandabase_django.services.people.exporting import export_texts
from tests.people.conftest import ADDRESS, MARK, Canary, hits

pytestmark = pytest.mark.django_db(transaction=True)


def erase(canary: Canary) -> None:
    erase_person(canary.store, ADDRESS, source=Erasure.Source.COMMAND)


def test_what_the_same_user_has_opened_for_another_customer_is_that_ones(canary: Canary) -> None:
    context = {"course": "intro", "for": "bob"}
    paid = canary.shop.open(context=context)
    order_id = canary.shop.pay(paid, email="bob@example.org", name="Bob")
    left = canary.shop.open(context=context)
    canary.poll()
    exported = "".join(export_texts([canary.store], ADDRESS))
    assert (paid.public_id in exported, left.public_id in exported) == (False, True)
    erase(canary)
    purchase = Purchase.objects.get(order=order_id)
    assert (purchase.verdict, purchase.context) == ("MATCHED", context)
    assert CheckoutSession.objects.get(pk=left.pk).context["for"] == "[erased]"


def test_sessions_of_a_user_who_was_linked_are_theirs(canary: Canary) -> None:
    CustomerLink.objects.all().delete()
    customer = Customer.objects.get(pk=canary.customer_id)
    mistaken, linked = User.objects.create_user("mistaken"), User.objects.create_user("linked")
    unlink_customer(link_customer(mistaken, customer, reason="A call."), reason="Another Ann.")
    link_customer(linked, customer, reason="An invoice.")
    canary.shop.open(context={"name": f"{MARK} Person"}, user=linked)
    other = canary.shop.open(context={"name": "Ann"}, user=mistaken)
    erase(canary)
    assert hits() == []
    assert CheckoutSession.objects.get(pk=other.pk).context == {"name": "Ann"}


def test_sessions_of_a_user_whose_only_purchase_does_not_match_are_theirs(canary: Canary) -> None:
    user = User.objects.create_user("mismatch")
    session = canary.shop.open(context={"name": f"{MARK} paid"}, user=user)
    order_id = canary.shop.pay(session, email=ADDRESS, amount=100, total=100)
    canary.shop.open(context={"name": f"{MARK} unpaid"}, user=user)
    canary.poll()
    purchase = Purchase.objects.get(order=order_id)
    assert (purchase.verdict, purchase.user) == ("MISMATCH", None)
    erase(canary)
    assert hits() == []
