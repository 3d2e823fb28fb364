"""Accepting a purchase by hand, and having handlers called again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from celery import current_app
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.events import on_paid
from pandabase_django.models import CheckoutSession, Order, Purchase
from pandabase_django.services.purchases.handing import process_purchase
from tests.admin.checkout.conftest import url
from tests.admin.conftest import Login
from tests.purchases.conftest import Shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker")]

REASON = "The rest came by bank transfer."


def accept(client: Client, purchase: Purchase, *, nonce: str = "", reason: str = REASON) -> Any:
    page = client.get(url(purchase, "accept"))
    if not nonce and page.status_code == 200:
        nonce = page.context["form"]["nonce"].initial
    return client.post(url(purchase, "accept"), {"nonce": nonce, "reason": reason})


def test_a_mismatch_explains_itself_and_is_accepted_with_a_reason(
    paid_less: Purchase, login: Login, django_capture_on_commit_callbacks: Any
) -> None:
    client = login("view_purchase", "view_order", "accept_purchase")
    page = client.get(url(paid_less)).content.decode()
    for text in ("Paid was 1.00 USD, and due was ≥ 49.00 USD.", "Or accept it", "Accept by hand"):
        assert text in page
    shown = client.get(url(paid_less, "accept")).content.decode()
    for text in ("Paid was 1.00 USD", "49.00 USD", "ada", "Nobody can undo"):
        assert text in shown
    assert accept(client, paid_less, reason=" ").status_code == 200
    assert Purchase.objects.get().verdict == "MISMATCH"
    with django_capture_on_commit_callbacks(execute=True):
        assert accept(client, paid_less).status_code == 302
    paid_less.refresh_from_db()
    assert (paid_less.verdict, paid_less.accepted_reason) == ("ACCEPTED", REASON)
    assert paid_less.accepted_by is not None
    assert LogEntry.objects.get().change_message == "Accepted by hand."
    with current_app.connection_for_read() as connection:
        message = connection.SimpleQueue("celery").get(block=False)
    assert json.loads(message.body)[0] == [paid_less.pk]
    page = client.get(url(paid_less)).content.decode()
    assert REASON in page
    assert f"By {paid_less.accepted_by}" in page
    assert "Accept by hand" not in page
    assert Order.objects.get(pk=paid_less.order_id).user is not None


def test_a_form_is_good_once_and_for_what_it_showed(paid_less: Purchase, login: Login) -> None:
    client, other = (login("view_purchase", "accept_purchase") for _ in range(2))
    nonce = client.get(url(paid_less, "accept")).context["form"]["nonce"].initial
    for spent in ("", "made up"):
        client.post(url(paid_less, "accept"), {"nonce": spent, "reason": REASON})
    other.post(url(paid_less, "accept"), {"nonce": nonce, "reason": REASON})
    Order.objects.update(total_minor=50)
    client.post(url(paid_less, "accept"), {"nonce": nonce, "reason": REASON})
    assert Purchase.objects.get().verdict == "MISMATCH"
    Order.objects.update(total_minor=100)
    client.post(url(paid_less, "accept"), {"nonce": nonce, "reason": REASON})
    assert Purchase.objects.get().verdict == "ACCEPTED"
    again = client.post(url(paid_less, "accept"), {"nonce": nonce, "reason": "Twice"}, follow=True)
    assert "Nothing was done" in again.content.decode()
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("columns", "status"),
    [({"verdict": "MATCHED"}, "COMPLETED"), ({}, "REFUNDED"), ({}, "CHARGEBACK")],
)
def test_what_needs_no_decision_is_not_offered(
    paid_less: Purchase, login: Login, columns: dict[str, str], status: str
) -> None:
    client = login("view_purchase", "accept_purchase")
    Purchase.objects.update(decided_at=timezone.now(), **columns)
    Order.objects.update(status=status)
    assert url(paid_less, "accept") not in client.get(url(paid_less)).content.decode()
    verdict = Purchase.objects.get().verdict
    assert accept(client, paid_less).status_code == 302
    assert Purchase.objects.get().verdict == verdict


def test_accepting_and_calling_again_need_rights_of_their_own(
    paid_less: Purchase, login: Login
) -> None:
    for others in (
        ("view_purchase",),
        ("view_purchase", "replay_purchase", "change_purchase", "replay_webhookdelivery"),
        ("accept_purchase",),
    ):
        client = login(*others)
        assert accept(client, paid_less, nonce="x").status_code == 403, others
    Purchase.objects.update(state="DEAD", last_error="x")
    client = login("view_purchase", "accept_purchase", "replay_webhookdelivery")
    assert client.post(url(paid_less, "again")).status_code == 403
    assert "Call again now" not in client.get(url(paid_less)).content.decode()


def test_failing_handlers_are_shown_and_called_again(
    shop: Shop, login: Login, django_capture_on_commit_callbacks: Any
) -> None:
    works: list[bool] = []

    @on_paid("licence")
    def grant(purchase: Purchase) -> None:
        if not works:
            raise LookupError("no key left")

    shop.webhook(order_id := shop.pay(shop.open()))
    purchase = shop.purchase(order_id)
    client = login("view_purchase", "replay_purchase")
    assert "Waits for a worker" in client.get(url(purchase)).content.decode()
    pressed = client.post(url(purchase, "again"), follow=True)
    assert "Nothing was done" in pressed.content.decode()  # nothing has failed
    process_purchase(purchase.pk)
    page = client.get(url(purchase)).content.decode()
    for text in ("Failing, next try", "no key left", "Call again now"):
        assert text in page
    Purchase.objects.update(state="DEAD", next_attempt_at=None, attempts=8)
    listing = reverse("admin:pandabase_purchase_changelist")
    listed = client.get(listing, {"handing": "dead"})
    assert "Given up" in listed.content.decode()
    works.append(True)
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        client.post(listing, {"action": "call_handlers_again", "_selected_action": [purchase.pk]})
    assert len(callbacks) == 1
    assert LogEntry.objects.get().change_message == "Handlers called again."
    process_purchase(purchase.pk)
    page = client.get(url(purchase)).content.decode()
    assert "Handed out" in page
    assert "grant" in page  # which handlers are through
    assert not client.get(listing, {"handing": "failing"}).context["cl"].result_list


def test_a_handler_that_was_added_since_is_called_from_the_purchases_own_page(
    shop: Shop, login: Login
) -> None:
    shop.webhook(order_id := shop.pay(shop.open()))
    process_purchase((purchase := shop.purchase(order_id)).pk)
    client = login("view_purchase", "replay_purchase")
    assert "Call again now" not in client.get(url(purchase)).content.decode()
    said: list[str] = []

    @on_paid("licence")
    def added(purchase: Purchase) -> None:
        said.append("paid")

    listing = reverse("admin:pandabase_purchase_changelist")
    client.post(listing, {"action": "call_handlers_again", "_selected_action": [purchase.pk]})
    assert shop.purchase(order_id).state == "IDLE", "to a renamed handler all of a list is new"
    page = client.get(url(purchase)).content.decode()
    assert "There is a handler that was not called for it" in page
    client.post(url(purchase, "again"))
    process_purchase(purchase.pk)
    assert said == ["paid"]
    assert "Call again now" not in client.get(url(purchase)).content.decode()


@pytest.mark.parametrize("name", ["purchase", "checkoutsession"])
def test_lists_are_filtered_by_purpose(shop: Shop, login: Login, name: str) -> None:
    @on_paid("course")
    def grant(purchase: Purchase) -> None: ...

    client = login("view_purchase", "view_checkoutsession")
    listing = reverse(f"admin:pandabase_{name}_changelist")
    for purpose in ("licence", ""):
        shop.webhook(shop.pay(shop.open(purpose=purpose)))
    page = client.get(listing)
    spec = next(one for one in page.context["cl"].filter_specs if one.title == "purpose")
    offered = [choice["display"] for choice in spec.choices(page.context["cl"])]
    assert offered == ["All", "Without purpose", "course", "licence"]
    for purpose, count in (("licence", 1), ("", 1), ("course", 0), ("gone'", 0)):
        rows = client.get(listing, {"purpose": purpose}).context["cl"].result_list
        found = [getattr(row, "session", row).purpose for row in rows]
        assert found == [purpose] * count


def test_purchases_are_found_by_what_people_know(shop: Shop, login: Login) -> None:
    session = shop.open()
    shop.webhook(order_id := shop.pay(session))
    shop.webhook(shop.pay(shop.open(user=None)))
    client, listing = login("view_purchase"), reverse("admin:pandabase_purchase_changelist")
    for term in (order_id, session.session_id, session.reference, "ada", "ada@example.com"):
        rows = client.get(listing, {"q": term}).context["cl"].result_list
        assert [row.order_id for row in rows] == [order_id], term
    assert CheckoutSession.objects.count() == 2
