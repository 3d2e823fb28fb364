"""Where a buyer comes back to: how the payment stands, until it is decided."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import CheckoutSession, SyncCursor, WebhookEndpoint
from pandabase_django.services.sync.refresh import fetch_order
from pandabase_django.views.checkout import SHOWN
from tests.checkout.buttons import button, press
from tests.checkout.conftest import Seller

pytestmark = pytest.mark.django_db


def test_after_a_declined_card_the_page_waits_for_another_try(
    seller: Seller, client: Client, broker: Any, django_capture_on_commit_callbacks: Any
) -> None:
    html = button(seller.product())
    press(client, html)
    session = CheckoutSession.objects.get()
    status = reverse("pandabase:checkout-status", args=[session.public_id])
    assert client.get(status, {"shown": "waiting"}).json()["open"] is True
    decline = {"op": "pay_checkout", "id": session.session_id, "as": "decline"}
    fetch_order(seller.store, seller.sandbox.change([decline])[-1])
    # A page that shows another state is loaded again; what is shown then goes on asking.
    assert client.get(status, {"shown": "waiting"}).json()["open"] is False
    answer = client.get(status, {"shown": "failed"}).json()
    assert (answer["state"], answer["open"]) == ("failed", True)
    SyncCursor.objects.update(last_completed_at=None, heartbeat_at=None)
    broker()
    with django_capture_on_commit_callbacks(execute=True):
        page = client.get(session.return_url).text
    assert broker().headers["task"] == "pandabase.sync_orders"
    assert "One try to pay failed." in page
    assert "Nothing was bought" not in page
    assert f'href="{session.checkout_url}"' in page
    assert "?shown=failed" in page
    # A second click, and the page within the shop, lead to the same session.
    assert press(client, html)["Location"] == session.checkout_url
    pay = reverse("pandabase:checkout-pay", args=[session.public_id])
    assert session.session_id in client.get(pay).text
    paid = seller.sandbox.change([{"op": "pay_checkout", "id": session.session_id}])[-1]
    fetch_order(seller.store, paid)
    assert client.get(status, {"shown": "failed"}).json()["open"] is False
    assert "Thank you, it is paid." in client.get(session.return_url).text


def test_a_declined_session_that_has_ended_is_not_paid_again(
    seller: Seller, client: Client
) -> None:
    html = button(seller.product())
    press(client, html)
    session = CheckoutSession.objects.get()
    address = reverse("pandabase:checkout-return", args=[session.public_id])
    for minutes, asks in ((9, True), (11, False)):
        ended = timezone.now() - timedelta(minutes=minutes)
        CheckoutSession.objects.update(state="FAILED", expires_at=ended)
        page = client.get(address).text
        assert ("data-live-url" in page, "Nothing was bought" in page) == (asks, not asks)
        assert session.checkout_url not in page
    pay = client.get(reverse("pandabase:checkout-pay", args=[session.public_id]))
    assert pay["Location"] == address
    # Neither one that is about to end.
    CheckoutSession.objects.update(expires_at=timezone.now() + timedelta(minutes=4))
    assert press(client, html)["Location"] != session.checkout_url


def test_every_state_has_its_page_and_only_moving_ones_ask_again(
    seller: Seller, client: Client
) -> None:
    session = seller.sell(seller.product())
    address = reverse("pandabase:checkout-return", args=[session.public_id])
    CheckoutSession.objects.update(expires_at=timezone.now() - timedelta(days=1))
    titles = set()
    for state, shown in SHOWN.items():
        CheckoutSession.objects.update(state=state)
        page = client.get(address).text
        moving = shown in ("waiting", "processing")
        assert ("data-live-url" in page) is moving
        assert ('http-equiv="refresh"' in page) is moving
        titles.add(re.search("<h1>(.*)</h1>", page)[1])  # type: ignore[index]
    assert len(titles) == len(set(SHOWN.values()))
    # The payment of the last moment is reported a little later.
    for minutes, title in ((9, "We have not seen your payment"), (11, "has expired")):
        ended = timezone.now() - timedelta(minutes=minutes)
        CheckoutSession.objects.update(state="EXPIRED", expires_at=ended)
        page = client.get(address).text
        assert title in page
        assert ("data-live-url" in page) is (minutes == 9)
    CheckoutSession.objects.update(state="PROCESSING")
    assert "look=4" in client.get(address, {"look": "3"}).text
    for last in ("60", "9" * 9):
        assert "refresh" not in client.get(address, {"look": last}).text
    for none in ("²", "9" * 5000, "\x00"):
        assert client.get(address, {"look": none}).status_code == 200


def test_a_store_without_webhooks_is_read_while_its_buyer_waits(
    seller: Seller, client: Client, broker: Any, django_capture_on_commit_callbacks: Any
) -> None:
    session = seller.sell(seller.product())

    def look(name: str, **asked: str) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            client.get(reverse(f"pandabase:checkout-{name}", args=[session.public_id]), asked)
        return broker()

    assert look("return").headers["task"] == "pandabase.sync_orders"
    assert look("status") is None  # one waits already
    SyncCursor.objects.update(scheduled_waits_until=None, last_completed_at=timezone.now())
    assert look("return") is None
    a_while_ago = timezone.now() - timedelta(minutes=1)
    SyncCursor.objects.update(last_completed_at=a_while_ago, heartbeat_at=timezone.now())
    assert look("return") is None  # one that failed, or is under way
    SyncCursor.objects.update(heartbeat_at=a_while_ago)
    endpoint = WebhookEndpoint.objects.create(store=seller.store)
    assert look("return").headers["task"] == "pandabase.sync_orders", "it reports nothing yet"
    SyncCursor.objects.update(scheduled_waits_until=None)
    WebhookEndpoint.objects.update(last_verified_at=timezone.now())
    assert look("return") is None
    # By then the webhook would have come.
    assert look("return", look="6").headers["task"] == "pandabase.sync_orders"
    SyncCursor.objects.update(scheduled_waits_until=None)
    now = int(time.time())
    assert look("status", since=str(now - 20)) is None
    for none in ("²", "9" * 5000, str(now + 100)):
        assert look("status", since=none) is None
    assert look("status", since=str(now - 31)).headers["task"] == "pandabase.sync_orders"
    half_a_minute_ago = timezone.now() - timedelta(seconds=30)
    SyncCursor.objects.update(scheduled_waits_until=None, heartbeat_at=half_a_minute_ago)
    assert look("status", since=str(now - 31)) is None
    endpoint.delete()
    assert look("status").headers["task"] == "pandabase.sync_orders"


def test_a_site_that_wants_a_login_everywhere_still_shows_how_a_payment_stands(
    seller: Seller, client: Client, settings: Any
) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    session = seller.sell(seller.product())
    for name in ("pay", "return", "status"):
        path = reverse(f"pandabase:checkout-{name}", args=[session.public_id])
        answer: HttpResponse = client.get(path)
        assert answer.status_code == 200
    assert User.objects.count() == 1
