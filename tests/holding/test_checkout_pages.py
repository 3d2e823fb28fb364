"""What buyers see of a copy's checkouts: no way to the live payment, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import CheckoutSession, Store
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.checkout.embedding import SCRIPT
from pandabase_django.services.tokens.connection import retire_token
from pandabase_django.services.tokens.holding import confirm_token
from pandabase_django.views.checkout import SHOWN
from tests.checkout.conftest import Seller

pytestmark = pytest.mark.django_db

LINK = "https://checkout.pandabase.io/pay/live"
CLOSED = "Nothing can be bought here: this shop only shows what it sells."
# What a buyer need not know.
INTERNALS = ("READ_ONLY", "PANDABASE", "environment", "staging", "production", "token")


@pytest.fixture
def seller(sandbox: Sandbox, store: Store) -> Seller:
    cache.clear()
    return Seller(sandbox, store, User.objects.create_user("buyer"))


@pytest.fixture
def session(seller: Seller) -> CheckoutSession:
    """Opened by the live shop, before the copy was made."""
    opened = seller.sell(seller.product())
    CheckoutSession.objects.update(checkout_url=LINK, pay_url=LINK)
    opened.refresh_from_db()
    return opened


@pytest.fixture(params=["READ_ONLY", "ENVIRONMENT", "disabled"])
def hold(request: pytest.FixtureRequest, store: Store, deploy: Callable[..., None]) -> Any:
    """Become a copy that must not sell, in one of the ways there are."""

    def become() -> None:
        if request.param == "READ_ONLY":
            deploy(READ_ONLY=True)
            return
        deploy(ENVIRONMENT="staging")
        if request.param == "disabled":
            retire_token(store.tokens.get())

    return become


def page(session: CheckoutSession, name: str) -> Any:
    return Client().get(reverse(f"pandabase:checkout-{name}", args=[session.public_id]))


def script(session: CheckoutSession) -> str:
    tag = Template("{% load pandabase %}{% pandabase_checkout_script session %}")
    return tag.render(Context({"session": session}))


def leads_to_payment(text: str, session: CheckoutSession) -> bool:
    return any(part in text for part in (LINK, session.session_id, SCRIPT, "sdk.js", "<script"))


def test_no_page_leads_to_the_payment(session: CheckoutSession, hold: Callable[[], None]) -> None:
    assert LINK in page(session, "return").text
    assert LINK in page(session, "pay").text
    hold()
    for name, status in (("return", 200), ("pay", 409)):
        answer = page(session, name)
        assert answer.status_code == status
        assert LINK not in answer.text
        assert session.session_id not in answer.text
        assert "sdk.js" not in answer.text
        assert answer.text.count(CLOSED) == 1
        assert not [word for word in INTERNALS if word in answer.text]


def test_a_page_of_the_shop_shows_no_checkout_within_it(
    session: CheckoutSession, hold: Callable[[], None]
) -> None:
    assert leads_to_payment(script(session), session)
    hold()
    text = script(session)
    assert not leads_to_payment(text, session)
    assert text.count(CLOSED) == 1
    assert not [word for word in INTERNALS if word in text]


def test_it_is_said_where_the_way_to_the_payment_was(
    session: CheckoutSession, hold: Callable[[], None]
) -> None:
    hold()
    CheckoutSession.objects.update(expires_at=timezone.now() - timedelta(days=1))
    for state, shown in SHOWN.items():
        CheckoutSession.objects.update(state=state)
        answer = page(session, "return")
        assert answer.status_code == 200
        assert (CLOSED in answer.text) is (state == "OPEN"), state
        assert LINK not in answer.text
        # Who has paid learns it in a copy as well.
        said = page(session, "status").json()
        assert said.keys() == {"state", "open", "texts", "progress"}
        assert said["state"] == shown


def test_the_button_ends_where_it_says_so(
    seller: Seller, session: CheckoutSession, hold: Callable[[], None]
) -> None:
    tag = Template("{% load pandabase %}{% pandabase_checkout_button item %}")
    text = tag.render(Context({"item": seller.product(), "csrf_token": "tok"}))
    offer = text.partition('name="offer" value="')[2].partition('"')[0]
    hold()
    answer = Client().post(reverse("pandabase:checkout-start"), {"offer": offer}, secure=True)
    assert answer.status_code == 409
    assert CLOSED in answer.text
    assert CheckoutSession.objects.count() == 1


def test_a_copy_without_keys_leads_nowhere_either(session: CheckoutSession, store: Store) -> None:
    """Its tokens are deleted and its store is disabled, as the page on staging says."""
    store.tokens.all().delete()
    Store.objects.update(enabled=False)
    session = CheckoutSession.objects.get()
    for name, status in (("return", 200), ("pay", 409)):
        answer = page(session, name)
        assert answer.status_code == status
        for part in (LINK, session.session_id, "sdk.js"):
            assert part not in answer.text
        assert "Please tell the shop." in answer.text
    assert not leads_to_payment(script(session), session)


def test_nobody_who_looks_asks_workers_for_what_they_must_not_read(
    session: CheckoutSession,
    deploy: Callable[..., None],
    broker: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def look() -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            page(session, "status")
        return broker()

    deploy(ENVIRONMENT="staging")
    assert look() is None
    deploy(READ_ONLY=True, ENVIRONMENT="")
    Store.objects.update(enabled=False)
    assert look() is None
    Store.objects.update(enabled=True)
    assert look().headers["task"] == "pandabase.sync_orders"


def test_it_is_sold_again_once_a_person_confirms(
    session: CheckoutSession, store: Store, deploy: Callable[..., None]
) -> None:
    deploy(ENVIRONMENT="staging")
    assert LINK not in page(session, "return").text
    confirm_token(store.tokens.get())
    assert LINK in page(session, "return").text
    assert LINK in page(session, "pay").text
    assert leads_to_payment(script(session), session)
