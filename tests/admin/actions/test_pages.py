"""Asking for actions in the admin: confirmed, with a reason, once, by who may."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from pandabase_django import actions
from pandabase_django.models import (
    Order,
    Product,
    RemoteAction,
    Subscription,
    SyncRun,
)
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.usage import record_usage
from tests.actions.conftest import LOG, REASON, Shop, pass_time, settled
from tests.admin.actions.conftest import VIEWS, post, url
from tests.admin.conftest import Login

pytestmark = pytest.mark.django_db

# By the name of the page: the right, what to begin with, and what the form sends.
PAGES: dict[str, tuple[str, str, dict[str, str]]] = {
    "refund": ("refund_order", "refund", {"code": "DUPLICATE"}),
    "retry_fulfilment": ("retry_fulfilment_order", "fulfilment", {}),
    "evidence": ("answer_dispute", "evidence", {"text": LOG}),
    "cancel": ("cancel_subscription", "cancel", {"when": "later"}),
    "pause": ("pause_subscription", "pause", {}),
    "resume": ("resume_subscription", "resume", {}),
    "reactivate": ("reactivate_subscription", "reactivate", {}),
    "change_plan": ("change_plan_subscription", "more", {"quantity": "3", "when": "now"}),
}


@pytest.mark.parametrize("page", PAGES)
def test_each_is_asked_for_with_a_reason_and_followed_to_its_end(
    page: str, shop: Shop, login: Login, broker: Any, django_capture_on_commit_callbacks: Any
) -> None:
    right, name, data = PAGES[page]
    this = shop.attempt(name)
    address = url(this.row, page)
    reader = login(*VIEWS)
    assert reader.get(address).status_code == 403
    assert address not in reader.get(url(this.row)).content.decode()
    client = login(*VIEWS, right)
    assert address in client.get(url(this.row)).content.decode()
    asked = client.get(address)
    assert asked.status_code == 200
    assert "What happens" in asked.content.decode()
    assert post(client, address, **{**data, "reason": " "}).status_code == 200
    assert not RemoteAction.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        answer = post(client, address, **data)
    action = RemoteAction.objects.get()
    assert answer["Location"] == url(action)
    assert (action.reason, action.asked_by_id) == (REASON, int(client.session["_auth_user_id"]))
    assert json.loads(broker().body)[0] == [str(action.pk)]
    assert LogEntry.objects.get().change_message == f"Asked for: {action.what}."
    assert shop.posts(this.path) == 0
    shown = client.get(url(action), follow=True).content.decode()
    assert "Recorded. Pandabase has not done it yet." in shown
    assert settled(action).state == "DONE"
    assert this.is_done()
    shown = client.get(url(action)).content.decode()
    assert "Done." in shown
    for raw in (*action.parameters, "DUPLICATE", "IMMEDIATELY", "False"):
        assert not re.search(rf">[^<]*\b{raw}:?\b[^<]*<", shown.partition("Asked with")[2]), raw
    live = client.get(url(action, "live")).json()
    assert (live["open"], live["texts"]["state"]) == (False, "Done")
    assert url(action) in client.get(url(this.row)).content.decode()


def test_a_form_is_good_once_for_who_saw_it_and_for_what_it_showed(
    shop: Shop, login: Login
) -> None:
    order = shop.order()
    address = url(order, "refund")
    client, other = (login(*VIEWS, "refund_order") for _ in range(2))
    nonce = client.get(address).context["form"]["nonce"].initial
    data = {"nonce": nonce, "reason": REASON, "code": "DUPLICATE"}
    for spent in ("", "made up"):
        client.post(address, {**data, "nonce": spent})
    other.post(address, data)
    Order.objects.filter(pk=order.pk).update(status="PROCESSING")
    client.post(address, data)
    assert not RemoteAction.objects.exists()
    Order.objects.filter(pk=order.pk).update(status="COMPLETED")
    client.post(address, data)
    assert RemoteAction.objects.count() == 1
    again = client.post(address, data, follow=True)
    assert "Nothing was done" in again.content.decode()
    assert RemoteAction.objects.count() == 1


def test_a_form_of_an_old_plan_does_not_set_it_again(shop: Shop, login: Login) -> None:
    row = shop.subscription()
    client = login(*VIEWS, "change_plan_subscription")
    nonce = client.get(url(row, "change_plan")).context["form"]["nonce"].initial
    # Its customer buys four more seats meanwhile.
    Subscription.objects.filter(pk=row.pk).update(quantity=5)
    data = {"nonce": nonce, "reason": REASON, "quantity": "1", "when": "now"}
    answer = client.post(
        url(row, "change_plan"), {**data, "billing_interval": "YEARLY"}, follow=True
    )
    assert "Nothing was done" in answer.content.decode()
    assert not RemoteAction.objects.exists()


def chosen_by_the_browser(field: Any) -> str:
    """What a select sends that nobody touched: what is selected, or else its first choice."""
    options = re.findall(r'<option value="([^"]*)"( selected)?', str(field))
    return next((value for value, selected in options if selected), options[0][0])


@pytest.mark.parametrize("known", ["all", "not the product", "the price alone"])
def test_what_was_not_changed_of_a_plan_is_not_sent(known: str, shop: Shop, login: Login) -> None:
    row = shop.subscription()
    sync_resource(row.store, resource="products", trigger=SyncRun.Trigger.COMMAND)
    products = Product.objects.filter(store=row.store)
    products.update(product_type="SUBSCRIPTION", status="ACTIVE")
    assert products.exclude(pk=row.product_id).exists()
    if known != "all":
        products.filter(pk=row.product_id).update(gone_at=timezone.now())
    if known == "the price alone":
        unknown = {"product": None, "billing_interval": "", "quantity": None}
        Subscription.objects.filter(pk=row.pk).update(**unknown)
    client = login(*VIEWS, "change_plan_subscription")
    form = client.get(url(row, "change_plan")).context["form"]
    untouched = {
        name: chosen_by_the_browser(form[name]) for name in ("product", "billing_interval")
    }
    untouched["quantity"] = str(form["quantity"].value() or "")
    page = post(client, url(row, "change_plan"), when="later", **untouched)
    assert "This changes nothing." in page.content.decode()
    asked = {**untouched, "billing_interval": "YEARLY"}
    post(client, url(row, "change_plan"), when="later", **asked)
    parameters = RemoteAction.objects.get().parameters
    assert parameters == {"billing_interval": "YEARLY", "proration_behavior": "END_OF_PERIOD"}


def test_an_open_action_is_led_to_and_what_can_t_be_done_says_why(shop: Shop, login: Login) -> None:
    client = login(*VIEWS, "refund_order", "pause_subscription")
    row = shop.subscription()
    action = actions.cancel_subscription(row, reason=REASON)
    page = client.get(url(row, "pause")).content.decode()
    assert "an earlier action is not known yet" in page
    assert url(action) in page
    assert 'name="reason"' not in page
    assert "What happens" not in page
    assert f'<a class="button" href="{url(row)}">Go back</a>' in page
    order = shop.order(status="PENDING")
    page = client.get(url(order, "refund")).content.decode()
    assert "Only a completed order can be refunded; this one is PENDING." in page
    assert 'name="reason"' not in page
    assert url(order, "refund") not in client.get(url(order)).content.decode()


def test_two_people_at_once_get_one_action(shop: Shop, login: Login) -> None:
    row = shop.subscription()
    clients = [login(*VIEWS, "pause_subscription", "cancel_subscription") for _ in range(2)]
    nonces = [
        client.get(url(row, page)).context["form"]["nonce"].initial
        for client, page in zip(clients, ("pause", "cancel"), strict=True)
    ]
    clients[0].post(url(row, "pause"), {"nonce": nonces[0], "reason": REASON})
    answer = clients[1].post(
        url(row, "cancel"), {"nonce": nonces[1], "reason": REASON, "when": "now"}, follow=True
    )
    assert "Nothing was done" in answer.content.decode()
    assert RemoteAction.objects.get().what == "PAUSE"


@pytest.mark.parametrize("page", ["cancel", "change_plan"])
def test_the_next_invoice_is_shown_before_anything_is_asked_for(
    page: str, shop: Shop, login: Login
) -> None:
    row = shop.subscription()
    client = login(*VIEWS, f"{page}_subscription")
    served = shop.sandbox.requests_served
    first = client.get(url(row, page)).content.decode()
    assert shop.sandbox.requests_served == served
    assert 'name="preview"' in first
    data = {"when": "now", "quantity": "2", "preview": "Show"}
    body = {"subtotal": 5, "data.usageAmount": 1970, "data.baseAmount": 2900, "data.total": 4870}
    shop.sandbox.fault(
        [{"match": {"path_regex": "upcoming"}, "action": "edit_body", "args": {"set": body}}]
    )
    shown = post(client, url(row, page), **data).content.decode()
    assert not RemoteAction.objects.exists()
    assert 'name="preview"' not in shown
    assert "48.70" in shown
    assert ("open usage of 19.70 USD is never billed" in shown) is (page == "cancel")
    rule = {"action": "status", "args": {"status": 403}}
    shop.sandbox.fault([{"match": {"path_regex": "upcoming"}, **rule}])
    assert "could not be asked for" in post(client, url(row, page), **data).content.decode()


def test_a_user_who_was_deleted_is_not_shown_as_code(shop: Shop, login: Login) -> None:
    user = User.objects.create_user("ada")
    row, other = shop.order(), shop.order()
    action = actions.refund(row, reason=REASON, by=user)
    by_code = actions.refund(other, reason=REASON)
    user.delete()
    client = login(*VIEWS)
    for address in (url(action), url(row)):
        assert "a deleted user" in client.get(address).content.decode()
    assert "a deleted user" not in client.get(url(by_code)).content.decode()


def test_who_may_ask_may_say_what_became_of_it(shop: Shop, login: Login) -> None:
    this = shop.attempt("fulfilment")
    action = this.ask()
    shop.sandbox.fault([{"match": {"path_regex": this.path}, "action": "reset"}])
    action = settled(action)
    reader, client = login(*VIEWS), login(*VIEWS, "retry_fulfilment_order")
    assert "You know it already?" not in client.get(url(action)).content.decode()
    pass_time(action, minutes=11)
    assert "You know it already?" not in reader.get(url(action)).content.decode()
    assert reader.post(url(action, "settle")).status_code == 403
    page = client.get(url(action))
    assert "You know it already?" in page.content.decode()
    nonce = page.context["settle_form"]["nonce"].initial
    data = {"nonce": nonce, "happened": "yes", "reason": "The webhook came."}
    assert (
        "Say what you saw"
        in client.post(url(action, "settle"), {**data, "reason": ""}, follow=True).content.decode()
    )
    client.post(url(action, "settle"), data)
    action.refresh_from_db()
    assert (action.state, action.settled_by) == ("DONE", "PERSON")
    assert action.outcome == "The webhook came."  # and no name: a user may be deleted
    assert "was executed: The webhook came." in client.get(url(action)).content.decode()
    said = LogEntry.objects.get(object_id=str(action.pk))
    assert str(said.user_id) == client.session["_auth_user_id"]
    again = client.post(url(action, "settle"), {**data, "happened": "no"}, follow=True)
    assert "Nothing was done" in again.content.decode()


def test_usage_that_waits_here_is_named_before_a_cancellation(shop: Shop, login: Login) -> None:
    row = shop.subscription()
    client = login(*VIEWS, "cancel_subscription")
    assert "usage waits here" not in client.get(url(row, "cancel")).content.decode()
    record_usage(row, "tokens", 5)
    assert "usage waits here" in client.get(url(row, "cancel")).content.decode()


@pytest.mark.parametrize("readable", [False, True])
def test_a_person_s_no_is_not_taken_where_pandabase_says_otherwise(
    readable: bool, shop: Shop, login: Login
) -> None:
    this = shop.attempt("pause")
    action = this.ask()
    shop.sandbox.fault(
        [
            {"match": {"path_regex": this.path}, "action": "commit_then_reset"},
            {"match": {"path_regex": f"/{this.row.pk}$"}, "action": "reset", "times": 0},
        ]
    )
    action = actions.perform(action)
    pass_time(action, minutes=11)
    client = login(*VIEWS, "pause_subscription")
    nonce = client.get(url(action)).context["settle_form"]["nonce"].initial
    if readable:
        shop.sandbox.clear_faults()
    data = {"nonce": nonce, "happened": "no", "reason": "I see nothing."}
    page = client.post(url(action, "settle"), data, follow=True).content.decode()
    action.refresh_from_db()
    assert action.state == ("DONE" if readable else "UNKNOWN")
    assert ("Nothing was done" if readable else "Pandabase could not be read") in page


def test_without_a_broker_the_page_says_so(
    shop: Shop, login: Login, dead_broker: None, django_capture_on_commit_callbacks: Any
) -> None:
    client = login(*VIEWS, "refund_order")
    answer = post(client, url(shop.order(), "refund"), code="DUPLICATE")
    assert RemoteAction.objects.count() == 1
    assert answer.status_code == 302


@pytest.mark.parametrize("hours", [0, 0.2, 2])
def test_every_state_explains_itself(hours: float, shop: Shop, login: Login) -> None:
    client = login(*VIEWS)
    this = shop.attempt("pause")
    action = this.ask()
    shop.sandbox.fault([{"match": {"path_regex": this.path}, "action": "reset"}])
    if hours:
        action = settled(action, hours=hours)
        pass_time(action, minutes=1)
    page = client.get(url(action)).content.decode()
    expected = {0: "waits for a worker", 0.2: "Pandabase is read until", 2: "Not done."}
    assert expected[hours] in page


@pytest.fixture
def atomic_requests() -> Iterator[None]:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    yield
    connection.settings_dict["ATOMIC_REQUESTS"] = False


@pytest.mark.django_db(transaction=True)
def test_a_site_with_atomic_requests_asks_and_settles_too(
    shop: Shop, login: Login, broker: Any, atomic_requests: None
) -> None:
    client = login(*VIEWS, "retry_fulfilment_order")
    this = shop.attempt("fulfilment")
    post(client, url(this.row, "retry_fulfilment"))
    action = RemoteAction.objects.get()
    assert json.loads(broker().body)[0] == [str(action.pk)]
    shop.sandbox.fault([{"match": {"path_regex": this.path}, "action": "reset"}])
    action = settled(action)
    pass_time(action, minutes=11)
    nonce = client.get(url(action)).context["settle_form"]["nonce"].initial
    data = {"nonce": nonce, "happened": "no", "reason": "Nothing came."}
    assert client.post(url(action, "settle"), data).status_code == 302
    action.refresh_from_db()
    assert (action.state, action.settled_by) == ("REFUSED", "PERSON")
