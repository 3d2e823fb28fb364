"""Links of customers to users: by a person, by verified addresses, and taken back."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.core.checks import run_checks
from django.test import override_settings

from pandabase_django.access import (
    has_access,
    link_customer,
    link_verified_emails,
    unlink_customer,
)
from pandabase_django.exceptions import ConfigurationError
from pandabase_django.models import Customer, CustomerLink, Product, Store
from tests.access.rows import buy, customer, product, subscribe

pytestmark = pytest.mark.django_db

VERIFIED: dict[str, Any] = {}


def verified_emails(user: User) -> Iterable[str]:
    """As a shop's own: what its table of confirmed addresses says."""
    if user.username == "broken":
        raise RuntimeError("the table is gone")
    found: Iterable[str] = VERIFIED.get(user.username, ())
    return found


def by_setting(path: Any = f"{__name__}.verified_emails") -> Any:
    return override_settings(PANDABASE={**settings.PANDABASE, "VERIFIED_EMAILS": path})


@pytest.fixture(autouse=True)
def _nothing_verified() -> Iterable[None]:
    yield
    VERIFIED.clear()


@pytest.fixture
def sold(db: None) -> Product:
    return product(Store.objects.create(pk="shp_1"))


@pytest.fixture
def who(sold: Product) -> Customer:
    """A customer who bought before the shop had users."""
    found = customer(sold.store, email="one@example.com")
    buy(sold, by=found)
    return found


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create(username="one", email="one@example.com")


def test_an_old_buyer_has_access_by_a_persons_decision(
    sold: Product, who: Customer, user: User
) -> None:
    assert not has_access(user, sold)  # the address is the same, and proves nothing
    staff = User.objects.create(username="staff")
    link = link_customer(user, who, reason=" Showed the invoice. ", by=staff)
    assert has_access(user, sold)
    assert (link.linked_by, link.source, link.reason) == (staff, "PERSON", "Showed the invoice.")
    assert link_customer(user, who, reason="Once more.") == link
    assert unlink_customer(link, reason="It was another one.", by=staff)
    assert not unlink_customer(link, reason="Twice.")
    assert not has_access(user, sold)
    link.refresh_from_db()
    assert (link.ended_by, link.end_reason, link.is_in_force) == (
        staff, "It was another one.", False,
    )  # fmt: skip
    assert link_customer(user, who, reason="It was this one after all.") != link
    assert has_access(user, sold)


def test_a_customer_is_one_user_at_a_time(sold: Product, who: Customer, user: User) -> None:
    link = link_customer(user, who, reason="x")
    other = User.objects.create(username="other")
    with pytest.raises(ValueError, match="another user"):
        link_customer(other, who, reason="x")
    for wrong in ({"user": other, "reason": " "}, {"user": User(), "reason": "x"}):
        with pytest.raises(ValueError):
            link_customer(customer=who, **wrong)
    with pytest.raises(ValueError):
        unlink_customer(link, reason="")
    user.delete()
    # Nobody is kept out by a user who is gone; and the history stays.
    link_customer(other, who, reason="The account was deleted.")
    assert has_access(other, sold)
    assert CustomerLink.objects.count() == 2
    assert CustomerLink.objects.in_force().count() == 1


def test_what_a_deleted_user_bought_goes_to_nobody_else(
    sold: Product, who: Customer, user: User
) -> None:
    buyer = User.objects.create(username="buyer")
    buy(bought := product(sold.store), user=buyer, by=who, verdict="MATCHED", standing="IN_FORCE")
    link_customer(user, who, reason="x")
    buyer.delete()
    assert not has_access(user, bought)
    assert bought not in Product.objects.accessible_to(user)


def test_access_stays_when_the_address_is_erased_or_changed(
    sold: Product, who: Customer, user: User
) -> None:
    link_customer(user, who, reason="x")
    subscribe(other := product(sold.store), by=who, status="ACTIVE")
    Customer.objects.update(email="", first_name="", payload={})
    User.objects.update(email="")
    user.refresh_from_db()
    assert has_access(user, sold)
    assert has_access(user, other)


def test_without_the_setting_no_address_links_anybody(who: Customer, user: User) -> None:
    VERIFIED["one"] = ["one@example.com"]
    assert link_verified_emails(user) == []
    user_logged_in.send(User, request=None, user=user)
    assert not CustomerLink.objects.exists()


def test_verified_addresses_link_at_sign_in(sold: Product, who: Customer, user: User) -> None:
    second = customer(Store.objects.create(pk="shp_2"), email="one@example.com")
    customer(sold.store, email="")
    taken = customer(sold.store, email="two@example.com")
    link_customer(User.objects.create(username="other"), taken, reason="x")
    VERIFIED["one"] = [" One@Example.com", "two@example.com", "", None]
    with by_setting():
        user_logged_in.send(User, request=None, user=user)
        assert {(link.customer, link.source) for link in user.pandabase_customer_links.all()} == {
            (who, "VERIFIED_EMAIL"),
            (second, "VERIFIED_EMAIL"),
        }
        assert has_access(user, sold)
        # What somebody took back is not made again by itself.
        unlink_customer(user.pandabase_customer_links.get(customer=who), reason="Shared mailbox.")
        user_logged_in.send(User, request=None, user=user)
        assert not has_access(user, sold)


@pytest.mark.parametrize("verified", ["ada@example.com", "Ada@Example.COM"])
@pytest.mark.parametrize("typed", ["ada@example.com", "Ada@example.com", "ADA@EXAMPLE.COM"])
def test_capital_letters_of_a_telephone_make_no_other_address(
    sold: Product, user: User, typed: str, verified: str
) -> None:
    found = customer(sold.store, email=typed)
    VERIFIED["one"] = [verified]
    with by_setting():
        assert [link.customer for link in link_verified_emails(user)] == [found]


def test_nobody_is_kept_from_signing_in(caplog: pytest.LogCaptureFixture) -> None:
    broken = User.objects.create(username="broken", email="canary@example.com")
    with by_setting():
        user_logged_in.send(User, request=None, user=broken)
    with by_setting("shop.nowhere.at_all"):
        user_logged_in.send(User, request=None, user=broken)
        with pytest.raises(ConfigurationError):
            link_verified_emails(broken)
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert "canary" not in caplog.text


@pytest.mark.parametrize(
    ("path", "check"),
    [
        (f"{__name__}.verified_emails", None),
        (None, None),
        ("shop.nowhere.at_all", "pandabase.E023"),
        (f"{__name__}.VERIFIED", "pandabase.E023"),
        ("no path", "pandabase.E001"),
        (17, "pandabase.E001"),
    ],
)
def test_a_wrong_setting_shows_at_start(path: Any, check: str | None) -> None:
    with by_setting(path):
        found = {message.id for message in run_checks()} & {"pandabase.E001", "pandabase.E023"}
    assert found == ({check} if check else set())
