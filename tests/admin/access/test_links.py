"""A person links a customer to a user, and takes it back."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from pandabase_django.access import has_access, link_customer, unlink_customer
from pandabase_django.models import Customer, CustomerLink, Product, Store
from tests.access.rows import buy, customer, product, subscribe
from tests.admin.conftest import Login

pytestmark = pytest.mark.django_db

EMAIL = "canary@example.com"


@pytest.fixture
def sold(db: None) -> Product:
    return product(Store.objects.create(pk="shp_1"))


@pytest.fixture
def who(sold: Product) -> Customer:
    found = customer(sold.store, email=EMAIL)
    buy(sold, by=found)
    return found


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create(username="ada")


def post(client: Client, url: str, **data: str) -> Any:
    page = client.get(url)
    nonce = page.context["form"]["nonce"].initial if page.status_code == 200 else ""
    return client.post(url, {"nonce": nonce, "reason": "Showed the invoice.", **data})


def link_url(who: Customer) -> str:
    return reverse("admin:pandabase_customer_link", args=[quote(who.pk)])


def page_of(client: Client, row: Any) -> str:
    name = f"admin:pandabase_{row._meta.model_name}_change"
    return client.get(reverse(name, args=[quote(row.pk)])).content.decode()


def test_a_person_links_a_customer_and_takes_it_back(
    sold: Product, who: Customer, user: User, login: Login
) -> None:
    client = login("view_customer", "view_customerlink", "link_customer")
    assert link_url(who) in page_of(client, who)
    assert "in 1 order" in client.get(link_url(who)).content.decode()
    assert "no user of this name" in post(client, link_url(who), name="adam").content.decode()
    assert post(client, link_url(who), name="ada", reason=" ").status_code == 200
    assert not CustomerLink.objects.exists()
    assert post(client, link_url(who), name="ada").status_code == 302
    link = CustomerLink.objects.get()
    assert (link.user, link.reason) == (user, "Showed the invoice.")
    assert link.linked_by is not None
    assert has_access(user, sold)
    assert link_url(who) not in page_of(client, who)
    unlink_url = reverse("admin:pandabase_customerlink_unlink", args=[link.pk])
    assert unlink_url in page_of(client, link)
    assert post(client, unlink_url, reason="It was another one.").status_code == 302
    link.refresh_from_db()
    assert (link.ended_by, link.end_reason) == (link.linked_by, "It was another one.")
    assert not has_access(user, sold)
    assert unlink_url not in page_of(client, link)
    logged = LogEntry.objects.values_list("object_repr", "change_message")
    assert {message for _, message in logged} == {"Linked.", "Taken back."}
    assert not any(EMAIL in text for row in logged for text in row)


@pytest.mark.parametrize(
    "rights",
    [
        ("view_customer", "view_customerlink", "change_customer"),
        ("link_customer",),
        ("view_customer", "view_customerlink", "add_customerlink", "change_customerlink"),
    ],
)
def test_it_needs_its_own_permission_and_the_right_to_see(
    who: Customer, user: User, login: Login, rights: tuple[str, ...]
) -> None:
    client = login(*rights)
    assert post(client, link_url(who), name="ada").status_code == 403
    link = link_customer(user, who, reason="x")
    url = reverse("admin:pandabase_customerlink_unlink", args=[link.pk])
    assert post(client, url).status_code == 403
    link.refresh_from_db()
    assert link.is_in_force
    if "view_customer" in rights:
        assert link_url(who) not in page_of(client, who)


def test_a_form_is_good_once(who: Customer, user: User, login: Login) -> None:
    client = login("view_customer", "view_customerlink", "link_customer")
    nonce = client.get(link_url(who)).context["form"]["nonce"].initial
    link_customer(User.objects.create(username="eve"), who, reason="faster")
    data = {"nonce": nonce, "name": "ada", "reason": "x"}
    answer = client.post(link_url(who), data, follow=True)
    assert "Nothing was done" in answer.content.decode()
    assert post(client, link_url(who), name="ada").status_code == 302
    assert [link.user.username for link in CustomerLink.objects.all() if link.user] == ["eve"]


def test_links_are_listed_searched_and_filtered(who: Customer, user: User, login: Login) -> None:
    client = login("view_customerlink")
    link = link_customer(user, who, reason="x")
    url = reverse("admin:pandabase_customerlink_changelist")
    for query, count in (
        ({"q": who.pk}, 1), ({"q": "ada"}, 1), ({"q": "ad"}, 0),
        ({"in_force": "yes"}, 1), ({"in_force": "no"}, 0),
    ):  # fmt: skip
        assert client.get(url, query).context["cl"].result_count == count
    user.delete()
    assert client.get(url, {"in_force": "no"}).context["cl"].result_count == 1
    assert "The user was deleted" in page_of(client, link)


def test_a_subscription_shows_whose_it_is(sold: Product, user: User, login: Login) -> None:
    """By the purchase that began it, which shows it too; or else by a link."""
    client = login("view_subscription", "view_purchase")
    who = customer(sold.store)
    begun = buy(sold, user=user, by=who, verdict="MATCHED", standing="IN_FORCE", recurring=True)
    first = subscribe(sold, by=who, begun_by=begun, status="ACTIVE")
    other = customer(sold.store)
    second = subscribe(sold, by=other, status="ACTIVE")
    assert "ada" in page_of(client, first)
    assert "ada" not in page_of(login("view_subscription"), first)
    assert first.pk in page_of(client, begun.purchases.get())
    assert "eve" not in page_of(client, second)
    link_customer(User.objects.create(username="eve"), other, reason="x")
    assert "eve" in page_of(client, second)


def test_of_two_people_who_take_a_link_back_one_has_done_it(
    who: Customer, user: User, login: Login
) -> None:
    link = link_customer(user, who, reason="Showed the invoice.")
    client = login("view_customer", "view_customerlink", "link_customer")
    url = reverse("admin:pandabase_customerlink_unlink", args=[link.pk])
    data = {"nonce": client.get(url).context["form"]["nonce"].initial, "reason": "Another one."}
    others = [lambda: unlink_customer(link, reason="Theirs.")]

    def another_is_faster(execute: Any, sql: str, *rest: Any) -> Any:
        if others and sql.startswith('UPDATE "pandabase_customerlink"'):
            others.pop()()
        return execute(sql, *rest)

    with connection.execute_wrapper(another_is_faster):
        page = client.post(url, data, follow=True).content.decode()
    link.refresh_from_db()
    assert link.end_reason == "Theirs."
    assert "Nothing was done" in page
    assert not LogEntry.objects.exists()
