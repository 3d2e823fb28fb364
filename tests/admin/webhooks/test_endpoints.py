"""Endpoints, as people use their pages; the sandbox is Pandabase."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from pandabase_django.admin.webhooks.buttons import BUTTONS, REGISTER
from pandabase_django.api.webhooks.payload import EVENT_TYPES
from pandabase_django.models import ApiToken, WebhookDelivery, WebhookEndpoint
from pandabase_django.sandbox import Sandbox
from tests.admin.conftest import Login
from tests.admin.webhooks.pages import address, page_of, press, remote_endpoints, send
from tests.webhooks.sender import SECRET, payload_of, sign_v2

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_refused", "broker")]

ADD = reverse("admin:pandabase_webhookendpoint_add")


def test_a_pasted_secret_is_sealed_works_and_is_on_no_page(owner: Client, token: ApiToken) -> None:
    data = {"store": token.store_id, "label": "By hand", "enabled": "on", "secret": SECRET}
    answer = owner.post(ADD, {**data, "event_types": ["PAYMENT_REFUNDED"]}, follow=True)
    endpoint = WebhookEndpoint.objects.get()
    assert answer.redirect_chain[-1][0] == page_of(endpoint)
    assert endpoint.event_types == ["PAYMENT_REFUNDED"]
    assert endpoint.secret is not None
    assert endpoint.secret.reveal() == SECRET
    assert SECRET not in answer.content.decode()
    assert SECRET not in repr(answer.cookies)
    assert send(endpoint, sign_v2()) == 200
    for page in (page_of(endpoint), page_of(endpoint, "doctor"), page_of(endpoint, "history")):
        assert SECRET not in owner.get(page).content.decode()


def test_a_new_secret_keeps_the_one_before_for_a_while_and_that_can_be_dropped(
    owner: Client, endpoint: WebhookEndpoint
) -> None:
    new = "whk_secret_" + "ab" * 19
    data = {"label": "Shop", "enabled": "on", "secret": new, "event_types": EVENT_TYPES}
    assert owner.post(page_of(endpoint), data).status_code == 302
    assert send(endpoint, sign_v2(payload_of(event_id="evt_old"))) == 200
    new_one = sign_v2(payload_of(event_id="evt_new"), secret=new, reading="TEXT")
    assert send(endpoint, new_one) == 200
    assert "Refuse the previous secret now" in owner.get(page_of(endpoint)).content.decode()
    press(owner, endpoint, "drop_previous")
    assert send(endpoint, sign_v2(payload_of(event_id="evt_late"))) == 401
    # Saving without a new secret changes none.
    owner.post(page_of(endpoint), {**data, "secret": ""})
    again = sign_v2(payload_of(event_id="evt_more"), secret=new, reading="TEXT")
    assert send(endpoint, again) == 200


@pytest.mark.parametrize("may_register", [True, False])
def test_who_may_not_register_sets_no_signing_secret(
    login: Login, endpoint: WebhookEndpoint, may_register: bool
) -> None:
    rights = ["view_webhookendpoint", "add_webhookendpoint", "change_webhookendpoint"]
    client = login(*rights, *(["register_webhookendpoint"] if may_register else []))
    known = "whk_secret_" + "ab" * 19
    data = {"enabled": "on", "event_types": EVENT_TYPES, "secret": known}
    for page in (ADD, page_of(endpoint)):
        assert ('name="secret"' in client.get(page).content.decode()) is may_register
        answer = client.post(page, {"label": "Mine", "store": endpoint.store_id, **data})
        assert answer.status_code == (302 if may_register else 200)
    forged = sign_v2(payload_of(event_id="evt_forged"), secret=known, reading="TEXT")
    assert [send(each, forged) for each in WebhookEndpoint.objects.all()] == (
        [200, 200] if may_register else [401]
    )
    # What is no secret is theirs to change.
    client.post(page_of(endpoint), {"label": "Renamed", **data, "secret": ""})
    endpoint.refresh_from_db()
    assert endpoint.label == "Renamed"


def test_what_is_no_signing_secret_is_refused_in_the_form(owner: Client, token: ApiToken) -> None:
    data = {"store": token.store_id, "event_types": ["PAYMENT_REFUNDED"], "secret": "a b"}
    answer = owner.post(ADD, data)
    assert "16 characters or more" in answer.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_a_pasted_secret_is_not_shown_again_beside_an_error(owner: Client, token: ApiToken) -> None:
    endpoint = WebhookEndpoint.objects.create(store=token.store)
    secret = f"whsec_{'cnry' * 8}"
    # A tab from before, or a page of the shop's own, sends a part of what was shown.
    data = {"secret": secret, "initial-label": "", "label": "x" * 500}
    page = owner.post(page_of(endpoint), data)
    assert page.status_code == 200
    assert secret not in page.content.decode()


def test_the_page_says_why_nothing_can_be_delivered_to_localhost(
    owner: Client, endpoint: WebhookEndpoint, settings: Any
) -> None:
    # A store at a sandbox on this machine may have any address.
    ApiToken.objects.update(base_url="https://api.pandabase.io")
    settings.ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
    page = owner.get(page_of(endpoint), headers={"host": "127.0.0.1"}).content.decode()
    assert f"http://127.0.0.1/pandabase/webhooks/{endpoint.pk}" in page
    assert "127.0.0.1 is reachable from this machine or network alone" in page
    refused = press(owner, endpoint, "register", url=address(endpoint, "127.0.0.1:8000"))
    assert "reachable from this machine or network alone" in refused
    settings.ALLOWED_HOSTS = ["shop.example", "testserver"]
    plain = address(endpoint, "shop.example").replace("https", "http")
    assert "https addresses only" in press(owner, endpoint, "register", url=plain)
    endpoint.refresh_from_db()
    assert (endpoint.registration, endpoint.remote_id) == ("BY_HAND", "")


def test_an_endpoint_is_registered_compared_updated_and_deleted(
    owner: Client, endpoint: WebhookEndpoint, sandbox: Sandbox
) -> None:
    endpoint.event_types = ["PAYMENT_REFUNDED"]
    endpoint.save()
    assert "Registered." in press(owner, endpoint, "register", url=address(endpoint))
    (remote,) = remote_endpoints(sandbox)
    assert (remote["url"], remote["eventTypes"]) == (address(endpoint), ["PAYMENT_REFUNDED"])
    endpoint.refresh_from_db()
    assert endpoint.remote_id == remote["id"]

    assert "Nothing differs" in press(owner, endpoint, "compare")
    remote["isEnabled"] = False
    page = press(owner, endpoint, "compare")
    assert "This endpoint differs" in page
    assert "Differs" in page
    assert "Pandabase has this endpoint" in press(owner, endpoint, "update")
    assert remote["isEnabled"] is True
    assert "Nothing differs" in press(owner, endpoint, "compare")

    press(owner, endpoint, "delete_remote", sure="on")
    assert remote_endpoints(sandbox) == []


@pytest.mark.parametrize("data", [{}, {"sure": ""}, {"sure": "false"}])
def test_a_deletion_that_was_not_confirmed_deletes_nothing(
    owner: Client, endpoint: WebhookEndpoint, sandbox: Sandbox, data: dict[str, str]
) -> None:
    press(owner, endpoint, "register", url=address(endpoint))
    before = sandbox.requests_served
    assert "tick the box" in press(owner, endpoint, "delete_remote", **data)
    assert sandbox.requests_served == before
    assert len(remote_endpoints(sandbox)) == 1


def test_the_registered_secret_verifies_and_is_replaced_with_an_overlap(
    owner: Client, endpoint: WebhookEndpoint, sandbox: Sandbox
) -> None:
    press(owner, endpoint, "register", url=address(endpoint))
    endpoint.refresh_from_db()
    assert endpoint.secret is not None
    first = endpoint.secret.reveal()
    page = press(owner, endpoint, "replace_secret")
    assert "both secrets are good" in page.lower()
    assert "Finish: delete the old registration now" in page
    endpoint.refresh_from_db()
    second = endpoint.secret.reveal()
    assert first != second
    assert first not in page
    assert second not in page
    assert len(remote_endpoints(sandbox)) == 2
    for number, secret in enumerate((first, second)):
        signed = sign_v2(payload_of(event_id=f"evt_{number}"), secret=secret, reading="TEXT")
        assert send(endpoint, signed) == 200
    assert "refused from now on" in press(owner, endpoint, "finish_secret")
    (remote,) = remote_endpoints(sandbox)
    assert remote["id"] == endpoint.remote_id
    late = sign_v2(payload_of(event_id="evt_late"), secret=first, reading="TEXT")
    assert send(endpoint, late) == 401


def test_a_registration_whose_secret_nobody_has_is_named_and_deleted(
    owner: Client, endpoint: WebhookEndpoint, sandbox: Sandbox
) -> None:
    other = sandbox.add_webhook("https://other.example/hook")
    stray = sandbox.add_webhook(f"https://shop.example/pandabase/webhooks/{endpoint.pk}")
    assert "delete_stray" not in owner.get(page_of(endpoint)).content.decode()
    page = press(owner, endpoint, "compare")
    assert f"Registration {stray['id']} delivers to an address of this site" in page
    assert page_of(endpoint, "delete_stray") in page
    assert other["id"] not in page
    assert "Nothing was deleted" in press(owner, endpoint, "delete_stray", stray=other["id"])
    press(owner, endpoint, "delete_stray", stray=stray["id"])
    assert [remote["id"] for remote in remote_endpoints(sandbox)] == [other["id"]]
    assert "Nothing was done" in press(owner, endpoint, "delete_stray")


def test_a_refused_registration_says_why_and_leaves_the_endpoint_as_it_was(
    owner: Client, endpoint: WebhookEndpoint, sandbox: Sandbox
) -> None:
    sandbox.fault(
        [{"match": {"method": "POST"}, "action": "status", "args": {"status": 403}, "times": 1}]
    )
    page = press(owner, endpoint, "register", url=address(endpoint))
    sandbox.clear_faults()
    assert "403" in page
    endpoint.refresh_from_db()
    assert (endpoint.registration, endpoint.remote_id) == ("BY_HAND", "")
    assert endpoint.secret is not None


def test_a_button_asks_a_failing_remote_once(
    owner: Client, endpoint: WebhookEndpoint, sandbox: Sandbox
) -> None:
    sandbox.fault([{"match": {}, "action": "status", "args": {"status": 503}, "times": 0}])
    before = sandbox.requests_served
    page = press(owner, endpoint, "compare")
    sandbox.clear_faults()
    assert "503" in page
    assert sandbox.requests_served == before + 1


def test_an_endpoint_with_a_registration_or_deliveries_is_not_deleted(
    owner: Client, endpoint: WebhookEndpoint
) -> None:
    send(endpoint, sign_v2())
    assert owner.post(page_of(endpoint, "delete"), {"post": "yes"}).status_code == 403
    WebhookDelivery.objects.all().delete()
    assert owner.post(page_of(endpoint, "delete"), {"post": "yes"}).status_code == 302
    assert not WebhookEndpoint.objects.exists()


def test_a_press_that_waits_for_the_network_is_in_no_transaction() -> None:
    assert {button.name for button in BUTTONS if button.waits} == {
        button.name for button in BUTTONS if button.permission == REGISTER
    }
