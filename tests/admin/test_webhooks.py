"""Endpoints, deliveries and the doctor, as people use them; the sandbox is Pandabase."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from celery import current_app
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.admin.webhook_buttons import BUTTONS, REGISTER
from pandabase_django.api.webhook_payload import EVENT_TYPES
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import ApiToken, HandledEvent, WebhookDelivery, WebhookEndpoint
from pandabase_django.sandbox import Sandbox
from tests.admin.conftest import Login
from tests.webhooks.sender import SECRET, Delivery, payload_of, sign_v1, sign_v2

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_refused", "broker")]

PUBLIC = "https://shop.example/pandabase/webhooks/x"
ADD = reverse("admin:pandabase_webhookendpoint_add")


@pytest.fixture
def owner(login: Login) -> Client:
    return login(superuser=True)


@pytest.fixture
def endpoint(token: ApiToken) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(
        store=token.store, label="Shop", secret=Secret(SECRET), event_types=list(EVENT_TYPES)
    )


def page_of(row: Any, part: str = "change") -> str:
    return reverse(f"admin:pandabase_{row._meta.model_name}_{part}", args=[row.pk])


def press(client: Client, row: Any, button: str, **data: Any) -> str:
    """Press a button; returns the page it leads to."""
    answer = client.post(page_of(row, button), data, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def send(endpoint: WebhookEndpoint, delivery: Delivery) -> int:
    return delivery.post(reverse("pandabase:webhook", args=[endpoint.pk])).status_code


def remote_endpoints(sandbox: Sandbox) -> list[Any]:
    return [item.payload for _, item in sandbox.state.webhooks.every() if not item.deleted]


@pytest.fixture(autouse=True)
def _no_endpoints_at_the_remote(sandbox: Sandbox) -> None:
    for _, item in sandbox.state.webhooks.every():
        item.deleted = True


def test_a_pasted_secret_is_sealed_works_and_is_on_no_page(owner: Client, token: ApiToken) -> None:
    data = {"store": token.store_id, "label": "By hand", "enabled": "on", "new_secret": SECRET}
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
    data = {"label": "Shop", "enabled": "on", "new_secret": new, "event_types": EVENT_TYPES}
    assert owner.post(page_of(endpoint), data).status_code == 302
    assert send(endpoint, sign_v2(payload_of(event_id="evt_old"))) == 200
    new_one = sign_v2(payload_of(event_id="evt_new"), secret=new, reading="TEXT")
    assert send(endpoint, new_one) == 200
    assert "Refuse the previous secret now" in owner.get(page_of(endpoint)).content.decode()
    press(owner, endpoint, "drop_previous")
    assert send(endpoint, sign_v2(payload_of(event_id="evt_late"))) == 401
    # Saving without a new secret changes none.
    owner.post(page_of(endpoint), {**data, "new_secret": ""})
    again = sign_v2(payload_of(event_id="evt_more"), secret=new, reading="TEXT")
    assert send(endpoint, again) == 200


def test_what_is_no_signing_secret_is_refused_in_the_form(owner: Client, token: ApiToken) -> None:
    data = {"store": token.store_id, "event_types": ["PAYMENT_REFUNDED"], "new_secret": "a b"}
    answer = owner.post(ADD, data)
    assert "16 characters or more" in answer.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_the_page_says_why_nothing_can_be_delivered_to_localhost(
    owner: Client, endpoint: WebhookEndpoint, settings: Any
) -> None:
    # A store at a sandbox on this machine may have any address.
    ApiToken.objects.update(base_url="https://api.pandabase.io")
    settings.ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
    page = owner.get(page_of(endpoint), headers={"host": "127.0.0.1"}).content.decode()
    assert f"http://127.0.0.1/pandabase/webhooks/{endpoint.pk}" in page
    assert "127.0.0.1 is reachable from this machine or network alone" in page
    refused = press(owner, endpoint, "register", url="http://127.0.0.1:8000/x")
    assert "reachable from this machine or network alone" in refused
    refused = press(owner, endpoint, "register", url="http://shop.example/x")
    assert "https addresses only" in refused
    endpoint.refresh_from_db()
    assert (endpoint.registration, endpoint.remote_id) == ("BY_HAND", "")


def test_an_endpoint_is_registered_compared_updated_and_deleted(
    owner: Client, endpoint: WebhookEndpoint, sandbox: Sandbox
) -> None:
    endpoint.event_types = ["PAYMENT_REFUNDED"]
    endpoint.save()
    assert "Registered." in press(owner, endpoint, "register", url=PUBLIC)
    (remote,) = remote_endpoints(sandbox)
    assert (remote["url"], remote["eventTypes"]) == (PUBLIC, ["PAYMENT_REFUNDED"])
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
    press(owner, endpoint, "register", url=PUBLIC)
    before = sandbox.requests_served
    assert "tick the box" in press(owner, endpoint, "delete_remote", **data)
    assert sandbox.requests_served == before
    assert len(remote_endpoints(sandbox)) == 1


def test_the_registered_secret_verifies_and_is_replaced_with_an_overlap(
    owner: Client, endpoint: WebhookEndpoint, sandbox: Sandbox
) -> None:
    press(owner, endpoint, "register", url=PUBLIC)
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
    assert owner.post(page_of(endpoint, "delete_stray")).status_code == 404


def test_a_refused_registration_says_why_and_leaves_the_endpoint_as_it_was(
    owner: Client, endpoint: WebhookEndpoint, sandbox: Sandbox
) -> None:
    sandbox.fault(
        [{"match": {"method": "POST"}, "action": "status", "args": {"status": 403}, "times": 1}]
    )
    page = press(owner, endpoint, "register", url=PUBLIC)
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


@pytest.fixture
def dead(mirrored: ApiToken, endpoint: WebhookEndpoint, sandbox: Sandbox) -> WebhookDelivery:
    order = sandbox.dump("orders")[0]
    send(endpoint, sign_v2(payload_of(order_id=order["id"])))
    WebhookDelivery.objects.update(
        state="DEAD", attempts=8, next_attempt_at=None, last_error="HTTP 503: <b>no</b>"
    )
    return WebhookDelivery.objects.get()


def test_a_delivery_shows_what_it_did_and_folds_its_payload(
    owner: Client, dead: WebhookDelivery
) -> None:
    HandledEvent.objects.create(
        store=dead.endpoint.store,
        event_id=dead.event_id,
        handler="shop.hand_out_key",
        handled_at=timezone.now(),
    )
    page = owner.get(page_of(dead)).content.decode()
    for text in ("Dead letter", "shop.hand_out_key", "&lt;b&gt;no&lt;/b&gt;", "<details>"):
        assert text in page
    assert reverse("admin:pandabase_order_change", args=[quote(dead.order_id)]) in page
    listed = owner.get(reverse("admin:pandabase_webhookdelivery_changelist")).content.decode()
    assert "8 attempts" in listed


def test_replaying_needs_its_own_right_and_enqueues(
    login: Login, dead: WebhookDelivery, django_capture_on_commit_callbacks: Any
) -> None:
    views = ("view_webhookdelivery", "view_order", "view_webhookendpoint")
    reader = login(*views)
    assert reader.post(page_of(dead, "replay")).status_code == 403
    assert "Replay" not in reader.get(page_of(dead)).content.decode()
    worker = login(*views, "replay_webhookdelivery")
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        worker.post(page_of(dead, "replay"))
    assert len(callbacks) == 1
    dead.refresh_from_db()
    assert (dead.state, dead.attempts, dead.last_error) == ("PENDING", 0, "")
    with current_app.connection_for_read() as connection:
        message = connection.SimpleQueue("celery").get(block=False)
    assert json.loads(message.body)[0] == [dead.pk]


def test_dead_letters_are_filtered_and_replayed_together(
    owner: Client, dead: WebhookDelivery
) -> None:
    url = reverse("admin:pandabase_webhookdelivery_changelist")
    send(dead.endpoint, sign_v2(payload_of(event_id="evt_fine")))
    page = owner.get(url + "?state__exact=DEAD")
    assert [row.pk for row in page.context["cl"].result_list] == [dead.pk]
    found = owner.get(url + f"?q={dead.event_id}").context["cl"].result_list
    assert [row.pk for row in found] == [dead.pk]
    owner.post(url, {"action": "replay", "_selected_action": [dead.pk]})
    dead.refresh_from_db()
    assert dead.state == "PENDING"


def test_the_doctor_tells_each_reason_apart_and_what_to_do(
    owner: Client, endpoint: WebhookEndpoint
) -> None:
    at = timezone.now().timestamp()
    for number in range(3):
        assert send(endpoint, sign_v2(at=at - 432 - number)) == 401
    assert send(endpoint, sign_v2(at=at + 7300)) == 401
    wrong = "whsec_" + "A" * 32
    assert send(endpoint, sign_v2(secret=wrong)) == 401
    altered = sign_v2()
    altered.body = json.dumps(json.loads(altered.body), indent=1).encode()
    assert send(endpoint, altered) == 401
    assert send(endpoint, sign_v1()) == 401
    unsigned = sign_v2()
    del unsigned.headers["Webhook-Signature"]
    assert send(endpoint, unsigned) == 401
    page = owner.get(page_of(endpoint, "doctor")).content.decode()
    for text in (
        "8 deliveries were refused",
        "7 min 1[3-5] s behind this server",
        "It is always about that much: one of the clocks is wrong.",
        "2 h 1 min ahead of this server",
        "nothing tells them apart",
        "JSON was written anew by a proxy",
        "signed with V1",
        "allow V1 up to a date",
        "pass on all headers whose names begin with Webhook",
    ):
        assert re.search(text, page), text
    assert altered.headers["Webhook-Signature"] not in page
    listed = owner.get(reverse("admin:pandabase_webhookendpoint_changelist")).content.decode()
    assert f'<a href="{page_of(endpoint, "doctor")}">8</a>' in listed

    forget = reverse("admin:pandabase_webhookendpoint_forget")
    owner.post(forget, {"endpoint": endpoint.pk})
    assert "No delivery was refused" in owner.get(page_of(endpoint, "doctor")).content.decode()


def test_old_deliveries_sent_again_are_not_taken_for_a_wrong_clock(
    owner: Client, endpoint: WebhookEndpoint
) -> None:
    at = timezone.now().timestamp()
    for seconds in (400, 4_000, 40_000):
        send(endpoint, sign_v2(at=at - seconds))
    page = owner.get(page_of(endpoint, "doctor")).content.decode()
    assert re.search("It varies from 6 min 4[0-2] s to 11 h 6 min", page)


def test_strangers_have_a_page_of_their_own(owner: Client, endpoint: WebhookEndpoint) -> None:
    sign_v2().post("/pandabase/webhooks/" + "0" * 40)
    url = reverse("admin:pandabase_webhookendpoint_strangers")
    page = owner.get(url).content.decode()
    assert "1 delivery was refused" in page
    assert "Strangers who try addresses are counted here as well" in page
    assert url in owner.get(page_of(endpoint, "doctor")).content.decode()
    owner.post(reverse("admin:pandabase_webhookendpoint_forget"))
    assert "No delivery was refused" in owner.get(url).content.decode()


def test_a_press_that_waits_for_the_network_is_in_no_transaction() -> None:
    assert {button.name for button in BUTTONS if button.waits} == {
        button.name for button in BUTTONS if button.permission == REGISTER
    }
