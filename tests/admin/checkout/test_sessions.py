"""Lists and pages of checkout sessions, as a shop's people use them."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from pandabase_django.models import CheckoutSession, Order, Purchase
from pandabase_django.services.purchases.reference import metadata_for
from tests.admin.checkout.conftest import url
from tests.admin.conftest import Login
from tests.purchases.conftest import LICENCE, Shop

pytestmark = pytest.mark.django_db

LIST = "admin:pandabase_checkoutsession_changelist"


def found(client: Any, **query: str) -> set[str]:
    answer = client.get(reverse(LIST), query)
    assert answer.status_code == 200
    return {row.pk for row in answer.context["cl"].result_list}


def test_the_list_shows_what_was_asked_and_what_was_paid(shop: Shop, login: Login) -> None:
    session = shop.open(subtotal_minor=4900)
    shop.webhook(order_id := shop.pay(session, country="DE"))
    text = login("view_checkoutsession", "view_order").get(reverse(LIST)).content.decode()
    for shown in (session.session_id, "licence", "ada", "49.00 USD", "58.31 USD", "Paid"):
        assert shown in text
    assert order_id in text


def test_a_strangers_payment_is_not_shown_as_paid_for_it(shop: Shop, login: Login) -> None:
    session = shop.open(subtotal_minor=4900)
    forged = shop.pay(shop.stranger([LICENCE], metadata=metadata_for(session.reference)))
    shop.webhook(forged)
    client = login("view_checkoutsession", "view_purchase")
    assert forged not in client.get(reverse(LIST)).content.decode()
    page = client.get(url(session)).content.decode()
    assert forged in page
    assert "Something else was paid" in page


def test_sessions_are_found_by_what_people_know(shop: Shop, login: Login) -> None:
    session, other = shop.open(), shop.open(user=None, state="EXPIRED")
    shop.webhook(order_id := shop.pay(session))
    client = login("view_checkoutsession")
    for term in (session.session_id, order_id, "ada", "ada@example.com", session.reference):
        assert found(client, q=term) == {session.pk}, term
    assert found(client, q="licence") == set()  # no index has it
    assert found(client, state__exact="EXPIRED") == {other.pk}


def test_the_filtered_list_is_exported(shop: Shop, login: Login) -> None:
    session = shop.open(subtotal_minor=4900)
    shop.open(user=None)
    shop.webhook(order_id := shop.pay(session, country="DE"))
    answer = login("view_checkoutsession").get(
        reverse("admin:pandabase_checkoutsession_export"), {"state__exact": "PAID"}
    )
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["session_id"], row["user"], row["order"]) == (session.session_id, "ada", order_id)
    assert (row["asked"], row["paid"]) == ("49.00", "58.31")
    assert session.reference not in text


def test_a_sessions_page_hides_purchases_from_who_may_not_see_them(
    shop: Shop, login: Login
) -> None:
    session = shop.open(items=None, context={"team": "blue"})
    shop.webhook(order_id := shop.pay(session))
    page = login("view_checkoutsession").get(url(session)).content.decode()
    assert "Licence" in page
    assert "blue" in page
    assert "Orders that name it" not in page
    page = login("view_checkoutsession", "view_purchase").get(url(session)).content.decode()
    assert order_id in page


def test_lists_cost_the_same_at_two_rows_as_at_twelve(shop: Shop, login: Login) -> None:
    client = login(superuser=True)

    def queries(model: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(reverse(f"admin:pandabase_{model._meta.model_name}_changelist"))
        assert answer.status_code == 200
        return len(captured)

    def sell(times: int) -> None:
        for _ in range(times):
            shop.webhook(shop.pay(shop.open()))

    sell(2)
    queries(Purchase)
    few = [queries(model) for model in (CheckoutSession, Purchase)]
    sell(10)
    assert [queries(model) for model in (CheckoutSession, Purchase)] == few


def test_an_orders_page_shows_its_checkout_its_user_and_why(
    shop: Shop, paid_less: Purchase, login: Login
) -> None:
    shop.webhook(order_id := shop.pay(shop.open()))
    viewer = login("view_order", "view_purchase", "view_checkoutsession")
    page = viewer.get(url(Order.objects.get(pk=order_id))).content.decode()
    assert "ada" in page
    assert "Paid as asked" in page
    assert url(shop.purchase(order_id)) in page
    assert paid_less.order is not None
    page = viewer.get(url(paid_less.order)).content.decode()
    assert "Paid was 1.00 USD, and due was ≥ 49.00 USD." in page
    assert "Or accept it" in page
    hidden = login("view_order").get(url(paid_less.order)).content.decode()
    assert "Paid was" not in hidden
