"""A signing secret that everybody could know proves nothing, wherever it came from."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import pytest
from django.utils import timezone

from pandabase_django.api.webhooks.signatures import SigningSecret
from pandabase_django.api.webhooks.verification import verify
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import PandabaseError, ProtocolError, WebhookRejected
from pandabase_django.models import ApiToken, WebhookEndpoint
from pandabase_django.sandbox import REGISTRATION_REPLIES, Sandbox
from pandabase_django.services.health.checks.webhooks import endpoints_are_well
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.tokens.clients import client_for
from pandabase_django.services.webhooks.comparison import compare
from pandabase_django.services.webhooks.registration import register
from pandabase_django.services.webhooks.rotation import start_rotation
from tests.webhooks.sender import payload_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("wsgi_and_asgi")]

UNUSABLE = [
    "",
    "x",
    "null",
    "••••",
    "*" * 24,
    "0" * 24,
    "whsec_xxxxxxxxxxxxxxxxxxxx",
    "whsec_••••••••••••••••",
    " " * 20,
    None,
    7,
    ["x"],
]


@pytest.fixture
def endpoint(token: ApiToken) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(store=token.store, label="Shop")


def answer_with(sandbox: Sandbox, secret: object) -> None:
    rule = {"match": {"method": "POST", "path_regex": "/webhooks"}, "action": "edit_body"}
    sandbox.fault([{**rule, "args": {"set": {"data.secret": secret}}}])


def registered(endpoint: WebhookEndpoint) -> list[str]:
    with client_for(endpoint.store) as client:
        return [webhook.id for webhook in client.webhooks.iterate()]


@pytest.mark.parametrize("reply", [one for one in REGISTRATION_REPLIES if one != "secret"])
def test_a_registration_that_answers_nonsense_is_taken_back(
    endpoint: WebhookEndpoint, sandbox: Sandbox, reply: str
) -> None:
    sandbox.set(registration_reply=reply)
    with pytest.raises(ProtocolError):
        register(endpoint, url="https://shop.example.com/x")
    endpoint.refresh_from_db()
    assert (endpoint.registration, endpoint.secret) == ("BY_HAND", None)
    assert registered(endpoint) == []


@pytest.mark.parametrize("secret", UNUSABLE)
def test_a_registration_without_a_usable_secret_is_taken_back(
    endpoint: WebhookEndpoint, sandbox: Sandbox, secret: object
) -> None:
    answer_with(sandbox, secret)
    with pytest.raises(ProtocolError, match=r"without a usable signing secret\. It was deleted"):
        register(endpoint, url="https://shop.example.com/x")
    endpoint.refresh_from_db()
    assert (endpoint.registration, endpoint.remote_id, endpoint.secret) == ("BY_HAND", "", None)
    assert registered(endpoint) == []
    register(endpoint, url="https://shop.example.com/x")
    assert endpoint.registration == "REGISTERED"


@pytest.mark.parametrize("secret", UNUSABLE)
def test_a_second_registration_without_a_usable_secret_changes_nothing(
    endpoint: WebhookEndpoint, sandbox: Sandbox, secret: object
) -> None:
    register(endpoint, url="https://shop.example.com/x")
    before = (endpoint.remote_id, endpoint.secret.reveal())
    answer_with(sandbox, secret)
    with pytest.raises(ProtocolError, match="without a usable signing secret"):
        start_rotation(endpoint)
    endpoint.refresh_from_db()
    assert (endpoint.remote_id, endpoint.secret.reveal()) == before
    assert (endpoint.registration, endpoint.previous_remote_id) == ("REGISTERED", "")
    assert registered(endpoint) == [endpoint.remote_id]


def test_one_that_cant_be_taken_back_is_pending_and_named(
    endpoint: WebhookEndpoint, sandbox: Sandbox
) -> None:
    answer_with(sandbox, "x")
    match = {"method": "DELETE", "path_regex": "/webhooks"}
    sandbox.fault([{"match": match, "action": "status", "args": {"status": 403}}])
    with pytest.raises(ProtocolError, match=r"whk_.* could not be deleted again"):
        register(endpoint, url=f"https://shop.example.com/{endpoint.pk}")
    endpoint.refresh_from_db()
    assert (endpoint.registration, endpoint.secret) == ("PENDING", None)
    codes = {finding.code for finding in endpoints_are_well(Situation())}
    assert codes == {"webhook_no_secret", "webhook_pending"}
    assert [stray.id for stray in compare(endpoint.store).strays] == registered(endpoint)


@pytest.mark.parametrize("data", ["x" * 40, [], None, {"secret": "y" * 40}, {"id": "", "a": 1}])
def test_an_answer_that_is_no_registration_leaves_it_pending(
    endpoint: WebhookEndpoint, sandbox: Sandbox, data: Any
) -> None:
    rule = {"match": {"method": "POST", "path_regex": "/webhooks"}, "action": "edit_body"}
    sandbox.fault([{**rule, "args": {"set": {"data": data}}}])
    with pytest.raises(PandabaseError):
        register(endpoint, url="https://shop.example.com/x")
    endpoint.refresh_from_db()
    assert (endpoint.registration, endpoint.remote_id) == ("PENDING", "")


@pytest.mark.parametrize("secret", ["", "null", "••••", "whsec_", "whsec_AAAA", "a" * 15])
@pytest.mark.parametrize("version", ["V1", "V2"])
@pytest.mark.parametrize("decoded", [False, True])
def test_what_is_signed_with_a_key_below_sixteen_bytes_is_refused(
    secret: str, version: str, decoded: bool
) -> None:
    text = secret.removeprefix("whsec_")
    key = base64.b64decode(text.encode() + b"==") if decoded else secret.encode()
    body = json.dumps(payload_of()).encode()
    stamp = str(int(time.time()))
    if version == "V1":
        stamp += "000"
        signature = hmac.new(key, f"{stamp}.".encode() + body, "sha256").hexdigest()
    else:
        mac = hmac.new(key, f"evt_1.{stamp}.".encode() + body, "sha256").digest()
        signature = f"v1,{base64.b64encode(mac).decode()}"
    names = ("Webhook-Id", "Webhook-Timestamp", "Webhook-Signature")
    with pytest.raises(WebhookRejected, match="No signature fits"):
        verify(
            body,
            headers=dict(zip(names, ("evt_1", stamp, signature), strict=True)),
            secrets=[SigningSecret("x", Secret(secret))],
            now=timezone.now(),
            v1_allowed=True,
        )


def test_a_short_secret_that_is_stored_already_is_a_finding(endpoint: WebhookEndpoint) -> None:
    endpoint.secret = Secret("null")
    endpoint.save()
    (finding,) = endpoints_are_well(Situation())
    assert finding.code == "webhook_weak_secret"
