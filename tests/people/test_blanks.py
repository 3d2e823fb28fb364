"""Blanks around an address, as the remote may show them, make no other person."""

from __future__ import annotations

import pytest

from pandabase_django.models import Customer, Erasure, Order, Subscription
from pandabase_django.services.people.erasing import erase_person
from pandabase_django.services.people.exporting import export_texts
from pandabase_django.services.people.finding import find_person
from pandabase_django.testing import Pandabase

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "shown", [" Ada@Example.com", "ada@example.com\t", "ada@example.com\u200b"]
)
def test_who_is_shown_with_blanks_is_found_exported_and_erased(
    pandabase: Pandabase, shown: str
) -> None:
    subscription = pandabase.active_subscription()
    order = subscription.purchases.get().order
    whose = {"id": order.customer_id, "email": shown}
    pandabase.remote.change("edit_order", id=order.pk, fields={"customer": whose})
    pandabase.deliver("PAYMENT_COMPLETED", order)
    guest = pandabase.paid_order(buyer={"email": "guest@example.com"})
    Order.objects.filter(pk=guest.pk).update(
        customer=None, payload={**guest.payload, "customer": {"email": shown}}
    )
    assert Customer.objects.get(pk=order.customer_id).email == shown
    person = find_person(pandabase.store, "ada@example.com")
    assert set(person.rows[Order]) == {order.pk, guest.pk}
    assert person.rows[Customer] == [order.customer_id]
    assert person.rows[Subscription] == [subscription.pk]
    assert guest.pk in "".join(export_texts([pandabase.store], "ada@example.com"))
    erase_person(pandabase.store, "ada@example.com", source=Erasure.Source.COMMAND)
    assert Customer.objects.get(pk=order.customer_id).email == ""
    for row in Order.objects.all():
        assert "ada@" not in str(row.payload).lower()


def test_an_address_that_only_contains_it_is_another_one(pandabase: Pandabase) -> None:
    pandabase.paid_order(buyer={"email": "joann@example.com"})
    pandabase.paid_order(buyer={"email": "ann@example.com.au"})
    assert find_person(pandabase.store, "ann@example.com").counts == {}
