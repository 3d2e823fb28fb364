"""Endpoints at Pandabase: the secret that is shown once, differences, and two of them at a time."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.crypto.keyring import generate_key
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import (
    InvalidRequest,
    MissingPermission,
    PandabaseError,
    StateConflict,
)
from pandabase_django.models import ApiToken, Store, WebhookDelivery, WebhookEndpoint
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.tokens.clients import client_for
from pandabase_django.services.tokens.connection import declare_permissions
from pandabase_django.services.webhooks.comparison import (
    compare,
    delete_stray,
    known_strays,
    write_compared,
)
from pandabase_django.services.webhooks.registration import (
    checked_url,
    delete_registration,
    keep_registration,
    register,
    update_registration,
)
from pandabase_django.services.webhooks.rotation import (
    finish_due_rotations,
    finish_rotation,
    start_rotation,
)
from pandabase_django.services.webhooks.secrets import drop_previous_secret, install_secret
from tests.conftest import store
from tests.webhooks.sender import OTHER_SECRET, SECRET, payload_of, sign_v2

__all__ = ["store"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(store: Store) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(store=store, label="Shop")


def address(endpoint: WebhookEndpoint) -> str:
    return f"https://shop.example.com/pandabase/webhooks/{endpoint.pk}"


def broken(sandbox: Sandbox, action: str, method: str = "POST", **args: Any) -> None:
    match = {"method": method, "path_regex": "/webhooks"}
    sandbox.fault([{"match": match, "times": 1, "action": action, "args": args}])


@pytest.mark.fact(35)
def test_the_secret_goes_from_the_answer_into_the_sealed_field(
    endpoint: WebhookEndpoint, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    register(endpoint, url=address(endpoint), event_types=["PAYMENT_COMPLETED"])
    assert (endpoint.registration, endpoint.event_types) == ("REGISTERED", ["PAYMENT_COMPLETED"])
    assert endpoint.remote_id.startswith("whk_")
    assert endpoint.secret_set_at is not None
    text = endpoint.secret.reveal()
    assert text.startswith("whk_secret_")
    assert sign_v2(secret=text, reading="TEXT").post(url).status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM pandabase_webhookendpoint")
        assert text not in repr(cursor.fetchall())
    assert text not in caplog.text


def test_an_endpoint_is_registered_once(endpoint: WebhookEndpoint) -> None:
    register(endpoint, url=address(endpoint))
    with pytest.raises(StateConflict):
        register(endpoint, url=address(endpoint))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://localhost:8000/x", "localhost is reachable from this machine"),
        ("https://localhost/x", "localhost is reachable from this machine"),
        ("https://127.0.0.1/x", "reachable from this machine"),
        ("https://10.1.2.3/x", "reachable from this machine"),
        ("https://[::1]/x", "reachable from this machine"),
        ("https://shop/x", "reachable from this machine"),
        ("https://shop.local/x", "reachable from this machine"),
        ("http://shop.example.com/x", "https addresses only"),
        ("ftp://shop.example.com/x", "not a URL"),
        ("https://", "not a URL"),
        ("https://[", "not a URL"),
        ("", "not a URL"),
        ("https://shop.example.com/" + "x" * 500, "not a URL"),
    ],
)
def test_an_address_that_cant_be_reached_is_told_in_plain_words(
    store: Store, url: str, words: str
) -> None:
    ApiToken.objects.update(base_url="https://api.pandabase.io")
    with pytest.raises(ValueError, match=words):
        checked_url(url, store=store)
    assert checked_url(" https://shop.example.com/x ", store=store) == "https://shop.example.com/x"


def test_a_store_at_a_sandbox_may_have_any_address(
    endpoint: WebhookEndpoint, sandbox: Sandbox
) -> None:
    sandbox.set(webhook_http=True)
    register(endpoint, url=f"http://127.0.0.1:8000/pandabase/webhooks/{endpoint.pk}")
    assert endpoint.registration == "REGISTERED"


@pytest.mark.parametrize("types", [["NONSENSE"], []])
def test_event_types_come_from_the_list(endpoint: WebhookEndpoint, types: list[str]) -> None:
    with pytest.raises(ValueError):
        register(endpoint, url=address(endpoint), event_types=types)
    endpoint.refresh_from_db()
    assert endpoint.registration == "BY_HAND"


def test_without_the_permission_nothing_is_sent(
    endpoint: WebhookEndpoint, sandbox: Sandbox
) -> None:
    declare_permissions(ApiToken.objects.get(), ["ORDERS_READ"])
    since = sandbox.requests_served
    with pytest.raises(MissingPermission):
        register(endpoint, url=address(endpoint))
    assert sandbox.requests_served == since
    endpoint.refresh_from_db()
    assert (endpoint.registration, endpoint.secret) == ("BY_HAND", None)


def test_a_refusal_leaves_the_endpoint_unregistered(
    endpoint: WebhookEndpoint, sandbox: Sandbox
) -> None:
    broken(sandbox, "status", status=422)
    with pytest.raises(InvalidRequest):
        register(endpoint, url=address(endpoint))
    endpoint.refresh_from_db()
    assert (endpoint.registration, endpoint.remote_id) == ("BY_HAND", "")
    register(endpoint, url=address(endpoint))


def test_an_answer_that_is_lost_leaves_a_stray_that_can_be_deleted(
    endpoint: WebhookEndpoint, store: Store, sandbox: Sandbox
) -> None:
    broken(sandbox, "truncate")
    with pytest.raises(PandabaseError) as caught:
        register(endpoint, url=address(endpoint))
    assert "whk_secret" not in repr(caught.value)
    endpoint.refresh_from_db()
    assert (endpoint.registration, endpoint.secret) == ("PENDING", None)
    found = compare(store)
    (stray,) = found.strays
    endpoint.refresh_from_db()
    assert endpoint.registration == "BY_HAND"
    cache.clear()  # another process deletes it
    assert known_strays(store.pk) == [stray.id]
    delete_stray(store, stray.id)
    assert known_strays(store.pk) == []
    register(endpoint, url=address(endpoint))
    assert compare(store).strays == ()
    with pytest.raises(StateConflict):
        delete_stray(store, endpoint.remote_id)


def test_what_differs_is_noted(endpoint: WebhookEndpoint, store: Store, sandbox: Sandbox) -> None:
    register(endpoint, url=address(endpoint))
    other = sandbox.add_webhook("https://elsewhere.example.com/hook")
    found = compare(store)
    assert [webhook.url for webhook in found.others] == ["https://elsewhere.example.com/hook"]
    assert found.strays == ()
    endpoint.refresh_from_db()
    assert (endpoint.drift, other is None) == ([], False)
    with client_for(store) as client:
        client.webhooks.update(
            endpoint.remote_id, {"isEnabled": False, "eventTypes": ["PAYMENT_FAILED"]}
        )
    compare(store)
    endpoint.refresh_from_db()
    assert {entry["field"] for entry in endpoint.drift} == {"enabled", "event_types"}
    update_registration(endpoint, event_types=["PAYMENT_COMPLETED", "PAYMENT_REFUNDED"])
    assert endpoint.drift == []
    assert endpoint.event_types == ["PAYMENT_COMPLETED", "PAYMENT_REFUNDED"]
    with client_for(store) as client:
        client.webhooks.delete(endpoint.remote_id)
    compare(store)
    endpoint.refresh_from_db()
    assert (endpoint.registration, len(endpoint.drift)) == ("GONE", 1)
    delete_registration(endpoint)
    assert (endpoint.registration, endpoint.remote_id, endpoint.drift) == ("BY_HAND", "", [])


def test_a_long_word_for_the_signature_does_not_cost_the_secret(endpoint: WebhookEndpoint) -> None:
    told = {"id": "wh_1", "secret": SECRET, "signatureVersion": "STANDARD_WEBHOOKS_V2"}
    keep_registration(endpoint.pk, schemas.NewWebhook.from_json(told))
    endpoint.refresh_from_db()
    assert endpoint.secret.reveal() == SECRET
    assert endpoint.signature_version == "STANDARD"


def test_a_value_that_the_remote_leaves_out_is_no_difference(endpoint: WebhookEndpoint) -> None:
    register(endpoint, url=address(endpoint))
    told = {"id": endpoint.remote_id, "url": endpoint.url, "eventTypes": endpoint.event_types}
    write_compared(endpoint, schemas.Webhook.from_json(told))
    assert endpoint.drift == []


def test_an_end_of_an_overlap_spares_a_secret_pasted_meanwhile(endpoint: WebhookEndpoint) -> None:
    install_secret(endpoint, Secret(SECRET))
    install_secret(endpoint, Secret(OTHER_SECRET))
    seen_by_the_task = WebhookEndpoint.objects.get(pk=endpoint.pk)
    install_secret(endpoint, Secret("whsec_third_secret_of_this_endpoint"))
    finish_rotation(seen_by_the_task)
    endpoint.refresh_from_db()
    assert endpoint.previous_secret.reveal() == OTHER_SECRET


def test_deleting_at_pandabase_keeps_what_was_received(
    endpoint: WebhookEndpoint, store: Store, url: str
) -> None:
    register(endpoint, url=address(endpoint))
    sign_v2(secret=endpoint.secret.reveal(), reading="TEXT").post(url)
    delete_registration(endpoint)
    assert compare(store).others == ()
    assert WebhookDelivery.objects.count() == 1


@pytest.mark.fact(35)
def test_a_secret_is_rotated_by_a_second_registration_without_a_gap(
    endpoint: WebhookEndpoint, store: Store, url: str
) -> None:
    register(endpoint, url=address(endpoint))
    old, first = endpoint.secret.reveal(), endpoint.remote_id
    start_rotation(endpoint)
    new = endpoint.secret.reveal()
    assert new != old
    assert endpoint.previous_secret.reveal() == old
    assert endpoint.previous_remote_id == first
    assert endpoint.previous_valid_until > timezone.now() + timedelta(hours=75)
    for number, secret in enumerate((old, new)):
        payload = payload_of(event_id=f"evt_{number}")
        assert sign_v2(payload, secret=secret, reading="TEXT").post(url).status_code == 200
    with pytest.raises(StateConflict):
        start_rotation(endpoint)
    assert finish_due_rotations() == []
    finish_rotation(endpoint)
    assert (endpoint.previous_secret, endpoint.previous_remote_id) == (None, "")
    assert (
        sign_v2(payload_of(event_id="evt_3"), secret=old, reading="TEXT").post(url).status_code
        == 401
    )
    assert (
        sign_v2(payload_of(event_id="evt_4"), secret=new, reading="TEXT").post(url).status_code
        == 200
    )
    assert compare(store).strays == ()
    start_rotation(endpoint)
    assert len({old, new, endpoint.secret.reveal()}) == 3


def test_the_same_event_from_both_registrations_is_one_row(
    endpoint: WebhookEndpoint, url: str
) -> None:
    register(endpoint, url=address(endpoint))
    old = endpoint.secret.reveal()
    start_rotation(endpoint)
    for secret in (old, endpoint.secret.reveal()):
        assert sign_v2(secret=secret, reading="TEXT").post(url).status_code == 200
    assert WebhookDelivery.objects.get().conflicts == 0


def test_a_rotation_is_finished_when_its_time_is_over(
    endpoint: WebhookEndpoint, store: Store, sandbox: Sandbox
) -> None:
    register(endpoint, url=address(endpoint))
    start_rotation(endpoint)
    WebhookEndpoint.objects.update(previous_valid_until=timezone.now())
    broken(sandbox, "status", method="DELETE", status=403)
    ((failed, trouble),) = finish_due_rotations()
    assert (failed.pk, bool(trouble)) == (endpoint.pk, True)
    ((done, trouble),) = finish_due_rotations()
    assert (done.previous_remote_id, trouble) == ("", "")
    assert finish_due_rotations() == []


def test_a_rotation_that_meets_an_unexpected_error_holds_up_no_other(
    endpoint: WebhookEndpoint, store: Store, sandbox: Sandbox
) -> None:
    endpoints = [endpoint, WebhookEndpoint.objects.create(store=store, label="Second")]
    for each in endpoints:
        register(each, url=address(each))
        start_rotation(each)
    WebhookEndpoint.objects.update(previous_valid_until=timezone.now())
    first = WebhookEndpoint.objects.order_by("pk")[0]
    with responses.RequestsMock() as mock:
        mock.add_passthru(sandbox.url)
        place = re.compile(f".*/{first.previous_remote_id}$")
        mock.delete(place, body=RuntimeError("of an instrumented library"))
        results = {each.pk: trouble for each, trouble in finish_due_rotations()}
    assert results.pop(first.pk) == "RuntimeError; the log has it."
    assert list(results.values()) == [""]
    first.refresh_from_db()
    assert first.previous_remote_id


@pytest.mark.parametrize("url", ["https://[x", "http://[::1/a", "https://a]b/"])
def test_a_registration_of_an_address_that_is_none_is_compared_like_any_other(
    endpoint: WebhookEndpoint, store: Store, sandbox: Sandbox, url: str
) -> None:
    register(endpoint, url=address(endpoint))
    added = sandbox.add_webhook(url="https://elsewhere.example.com/")
    with client_for(store) as client:
        place = [webhook.id for webhook in client.webhooks.iterate()].index(added["id"])
    broken(sandbox, "edit_body", method="GET", set={f"data.items.{place}.url": url})
    (other,) = compare(store).others
    assert (other.id, other.url) == (added["id"], url)
    endpoint.refresh_from_db()
    assert (endpoint.registration, endpoint.drift) == ("REGISTERED", [])


def test_a_rotation_whose_answer_is_lost_changes_nothing_here(
    endpoint: WebhookEndpoint, store: Store, sandbox: Sandbox
) -> None:
    register(endpoint, url=address(endpoint))
    before = endpoint.secret.reveal()
    broken(sandbox, "truncate")
    with pytest.raises(Exception):  # noqa: B017  whichever the wire makes of it
        start_rotation(endpoint)
    endpoint.refresh_from_db()
    assert (endpoint.registration, endpoint.secret.reveal()) == ("REGISTERED", before)
    assert len(compare(store).strays) == 1
    start_rotation(endpoint)


@pytest.mark.parametrize("text", ["short", "with space " * 3, "", "tab\t" * 5, "x" * 501, "x" * 32])
def test_what_cant_be_a_signing_secret_is_refused(endpoint: WebhookEndpoint, text: str) -> None:
    with pytest.raises(ValueError) as caught:
        install_secret(endpoint, Secret(text))
    assert not text or text not in str(caught.value)


def test_a_new_secret_can_be_pasted_when_the_key_of_the_old_one_is_gone(
    endpoint: WebhookEndpoint, settings: Any
) -> None:
    install_secret(endpoint, Secret(SECRET))
    settings.PANDABASE = {"ENCRYPTION_KEYS": [generate_key()]}
    install_secret(endpoint, Secret(OTHER_SECRET))
    assert endpoint.secret.reveal() == OTHER_SECRET
    assert (endpoint.previous_secret, endpoint.previous_valid_until) == (None, None)


def test_a_pasted_secret_leaves_the_one_before_alive(endpoint: WebhookEndpoint) -> None:
    install_secret(endpoint, Secret(SECRET))
    assert endpoint.previous_secret is None
    install_secret(endpoint, Secret(SECRET))
    assert endpoint.previous_secret is None
    install_secret(endpoint, Secret(OTHER_SECRET))
    assert endpoint.previous_secret.reveal() == SECRET
    assert (endpoint.secret_hint, endpoint.previous_secret_hint) == ("••••cdef", "••••LaSw")
    drop_previous_secret(endpoint)
    assert (endpoint.previous_secret, endpoint.previous_valid_until) == (None, None)
