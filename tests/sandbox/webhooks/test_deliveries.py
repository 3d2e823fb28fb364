from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from pandabase_django.api.webhooks.payload import EVENT_TYPES as OURS
from pandabase_django.sandbox import ChangeRefused, Sandbox
from pandabase_django.sandbox.api.bodies import EVENT_TYPES
from pandabase_django.sandbox.webhooks.deliveries import RETRY_DELAYS_SECONDS
from tests.sandbox.conftest import Caller
from tests.sandbox.http.test_server import start_command
from tests.sandbox.webhooks.receiver import Receiver
from tests.webhooks.sender import SUBSCRIPTION

EVENT = {"op": "send_event", "type": "PAYMENT_COMPLETED", "index": -1}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def bodies(receiver: Receiver) -> list[Any]:
    return [json.loads(received.body) for received in receiver.received]


@pytest.mark.fact(31, 32)
@pytest.mark.parametrize("reading", ["text", "base64"])
def test_v2_is_what_standard_webhooks_verify(
    sandbox: Sandbox, receiver: Receiver, reading: str
) -> None:
    sandbox.set(webhook_key=reading)
    secret = sandbox.add_webhook(receiver.url)["secret"]
    (event_id,) = sandbox.change([EVENT])
    assert sandbox.wait_for_deliveries()
    (received,) = receiver.received
    right = Webhook(secret if reading == "base64" else secret.encode())
    wrong = Webhook(secret.encode() if reading == "base64" else secret)
    payload = right.verify(received.body, received.headers)
    assert payload["id"] == event_id == received.headers["Webhook-Id"]
    assert len(received.headers["Webhook-Timestamp"]) == 10
    assert "X-Pandabase-Signature" not in received.headers
    with pytest.raises(WebhookVerificationError):
        wrong.verify(received.body, received.headers)


@pytest.mark.fact(33)
def test_v1_signs_milliseconds_and_body_in_hex(sandbox: Sandbox, receiver: Receiver) -> None:
    made = sandbox.add_webhook(receiver.url, signature_version="V1")
    (event_id,) = sandbox.change([EVENT])
    assert sandbox.wait_for_deliveries()
    (received,) = receiver.received
    headers, key = received.headers, made["secret"].encode()
    stamp = headers["Webhook-Timestamp"]
    assert abs(int(stamp) / 1000 - time.time()) < 60
    signed = hmac.new(key, stamp.encode() + b"." + received.body, hashlib.sha256)
    assert headers["Webhook-Signature"] == signed.hexdigest()
    alone = hmac.new(key, received.body, hashlib.sha256).hexdigest()
    assert headers["X-Pandabase-Signature"] == alone
    assert headers["Webhook-Id"].startswith(f"{made['id']}/")
    assert json.loads(received.body)["id"] == event_id


@pytest.mark.fact(24, 30, 49)
def test_all_eighteen_events_can_be_sent_about_an_order(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    sandbox.add_webhook(receiver.url)
    order = sandbox.dump("orders")[-1]
    before = sandbox.dump("orders")
    for event_type in EVENT_TYPES:
        sandbox.change([{"op": "send_event", "type": event_type, "id": order["id"]}])
    assert sandbox.wait_for_deliveries()
    found = {body["event"]: body for body in bodies(receiver)}
    assert set(found) == set(EVENT_TYPES)
    assert len(EVENT_TYPES) == 18
    assert EVENT_TYPES == OURS
    for event_type, body in found.items():
        assert set(body) == {"event", "id", "timestamp", "data"}
        assert body["id"].startswith("evt_")
        subscribed = event_type.startswith("SUBSCRIPTION_")
        if subscribed:
            assert (body["data"]["order"], body["data"]["customer"]) == ({}, {})
            assert body["data"]["subscription"].keys() == SUBSCRIPTION.keys()
        else:
            assert body["data"]["order"]["id"] == order["id"]
        expected = {"order", "customer", "geo"} | ({"subscription"} if subscribed else set())
        assert set(body["data"]) == expected
    assert sandbox.dump("orders") == before
    named = {**EVENT, "type": "SUBSCRIPTION_PAUSED", "subscription": "sub_own"}
    sandbox.change([named])
    assert sandbox.wait_for_deliveries()
    assert bodies(receiver)[-1]["data"]["subscription"]["id"] == "sub_own"
    with pytest.raises(ChangeRefused, match="PAYMENT_PENDING"):
        sandbox.change([{**EVENT, "type": "PRODUCT_CREATED"}])


@pytest.mark.fact(30)
def test_order_and_customer_may_be_empty(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(webhook_data="empty")
    sandbox.add_webhook(receiver.url)
    sandbox.change([EVENT])
    assert sandbox.wait_for_deliveries()
    (body,) = bodies(receiver)
    assert (body["data"]["order"], body["data"]["customer"]) == ({}, {})


def test_what_changes_the_store_is_told_by_itself(caller: Caller, receiver: Receiver) -> None:
    sandbox = caller.sandbox
    sandbox.add_webhook(receiver.url)
    found = caller.get("/orders?status=COMPLETED&limit=3")["items"]
    first, second, third = (item["id"] for item in found)
    reason = {"reason": "REQUESTED_BY_CUSTOMER"}
    assert caller.send("POST", f"/refunds/orders/{first}", body=reason).status_code == 200
    for change in (
        {"op": "dispute_order", "id": second},
        {"op": "resolve_dispute", "id": second, "outcome": "WON"},
        {"op": "set_order_status", "id": third, "status": "FAILED"},
        {"op": "create_order", "status": "PENDING"},
    ):
        sandbox.change([change])
    assert sandbox.wait_for_deliveries()
    told = {(b["event"], b["data"]["order"]["id"]): b["data"]["order"] for b in bodies(receiver)}
    newest = caller.get("/orders?limit=1")["items"][0]["id"]
    assert {key: order["status"] for key, order in told.items()} == {
        ("PAYMENT_REFUNDED", first): "REFUNDED",
        ("PAYMENT_DISPUTED", second): "CHARGEBACK",
        ("PAYMENT_DISPUTE_WON", second): "COMPLETED",
        ("PAYMENT_FAILED", third): "FAILED",
        ("PAYMENT_PENDING", newest): "PENDING",
    }


def test_an_endpoint_gets_the_types_it_asked_for_while_it_is_there(
    caller: Caller, receiver: Receiver
) -> None:
    sandbox = caller.sandbox
    sandbox.set(webhook_http=True)
    body = {"url": receiver.url, "eventTypes": ["PAYMENT_REFUNDED", "PAYMENT_PENDING"]}
    made = caller.send("POST", "/webhooks", body=body).json()["data"]
    types = ("PAYMENT_PENDING", "PAYMENT_FAILED", "PAYMENT_REFUNDED")
    changes = [{**EVENT, "type": event_type} for event_type in types]
    sandbox.change(changes)
    assert sandbox.wait_for_deliveries()
    assert sorted(b["event"] for b in bodies(receiver)) == ["PAYMENT_PENDING", "PAYMENT_REFUNDED"]
    Webhook(made["secret"].encode()).verify(receiver.received[0].body, receiver.received[0].headers)
    caller.send("PATCH", f"/webhooks/{made['id']}", body={"isEnabled": False})
    sandbox.change(changes)
    caller.send("PATCH", f"/webhooks/{made['id']}", body={"isEnabled": True})
    caller.send("DELETE", f"/webhooks/{made['id']}")
    sandbox.change(changes)
    assert sandbox.wait_for_deliveries()
    assert len(receiver.received) == 2


@pytest.mark.fact(35)
def test_http_is_registered_only_where_a_setting_allows_it_and_only_on_this_machine(
    caller: Caller, receiver: Receiver
) -> None:
    types = ["PAYMENT_COMPLETED"]

    def status(url: object) -> int:
        body = {"url": url, "eventTypes": types}
        return caller.send("POST", "/webhooks", body=body).status_code

    assert status(receiver.url) == 422
    caller.sandbox.set(webhook_http=True)
    assert status(receiver.url) == 201
    assert status("https://shop.example/hook") == 201
    for refused in ("http://shop.example/hook", "http://[", "ftp://127.0.0.1/", 5, None):
        assert status(refused) == 422


@pytest.mark.fact(34)
def test_ten_attempts_are_made_and_each_is_signed_anew(sandbox: Sandbox) -> None:
    with Receiver([500]) as receiver:
        sandbox.set(webhook_time_factor=86_400 * 20)
        secret = sandbox.add_webhook(receiver.url)["secret"]
        sandbox.change([EVENT])
        assert sandbox.wait_for_deliveries()
    (delivery,) = sandbox.deliveries()
    assert delivery["state"] == "GIVEN_UP"
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500] * 10
    assert len({received.body for received in receiver.received}) == 1
    assert len(receiver.received) == 10
    for received in receiver.received:
        Webhook(secret.encode()).verify(received.body, received.headers)
    assert (RETRY_DELAYS_SECONDS[0], RETRY_DELAYS_SECONDS[-1]) == (5, 24 * 3600)
    assert 75 <= sum(RETRY_DELAYS_SECONDS) / 3600 < 76


@pytest.mark.fact(34)
def test_attempts_end_with_the_first_2xx_and_no_redirect_is_followed(sandbox: Sandbox) -> None:
    with Receiver([302, 0, 404, 204]) as receiver:
        sandbox.set(webhook_time_factor=86_400 * 20)
        sandbox.add_webhook(receiver.url)
        sandbox.change([EVENT])
        assert sandbox.wait_for_deliveries()
    (delivery,) = sandbox.deliveries()
    assert delivery["state"] == "DELIVERED"
    told = [attempt["status"] or attempt["error"] for attempt in delivery["attempts"]]
    assert told == [302, "RemoteDisconnected", 404, 204]


@pytest.mark.fact(34)
def test_a_slow_answer_counts_as_none_and_a_waiting_delivery_can_be_hurried(
    sandbox: Sandbox,
) -> None:
    with Receiver([500, 200], seconds=0.3) as receiver:
        sandbox.add_webhook(receiver.url)
        sandbox.set(webhook_timeout_seconds=0.05)
        sandbox.change([EVENT])
        deadline = time.monotonic() + 20
        while not sandbox.deliveries()[0]["attempts"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        (delivery,) = sandbox.deliveries()
        assert delivery["attempts"][0]["error"] == "TimeoutError"
        assert 0 < delivery["due_in_seconds"] <= 5
        sandbox.set(webhook_timeout_seconds=15)
        assert sandbox.hurry_deliveries() == 1
        assert sandbox.wait_for_deliveries()
        assert sandbox.deliveries()[0]["state"] == "DELIVERED"


@pytest.mark.fact(34)
def test_duplicates_and_disorder_are_as_set(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.set(webhook_duplicates=2, webhook_jitter_ms=300)
    sandbox.add_webhook(receiver.url)
    sent = sandbox.change([{**EVENT, "count": 30}])
    assert sandbox.wait_for_deliveries()
    arrived = [body["id"] for body in bodies(receiver)]
    assert sorted(arrived) == sorted(sent * 3)
    assert list(dict.fromkeys(arrived)) != sent
    assert sandbox.repeat_delivery(sent[4]) == 1
    assert sandbox.wait_for_deliveries()
    assert bodies(receiver)[-1]["id"] == sent[4]
    with pytest.raises(LookupError):
        sandbox.repeat_delivery("evt_never")


@pytest.mark.parametrize("spoil", ["body", "secret", "signature"])
def test_a_spoilt_delivery_does_not_verify(
    sandbox: Sandbox, receiver: Receiver, spoil: str
) -> None:
    sandbox.set(webhook_spoil=spoil)
    secret = sandbox.add_webhook(receiver.url)["secret"]
    sandbox.change([EVENT])
    assert sandbox.wait_for_deliveries()
    (received,) = receiver.received
    with pytest.raises(WebhookVerificationError):
        Webhook(secret.encode()).verify(received.body, received.headers)


@pytest.mark.parametrize("seconds", [-400, 400])
def test_the_senders_clock_may_be_wrong(sandbox: Sandbox, receiver: Receiver, seconds: int) -> None:
    sandbox.set(webhook_skew_seconds=seconds)
    secret = sandbox.add_webhook(receiver.url)["secret"]
    sandbox.change([EVENT])
    assert sandbox.wait_for_deliveries()
    (received,) = receiver.received
    word = "new" if seconds > 0 else "old"
    with pytest.raises(WebhookVerificationError, match=f"too {word}"):
        Webhook(secret.encode()).verify(received.body, received.headers)


def test_nothing_is_sent_to_another_machine_unasked(caller: Caller) -> None:
    body = {"url": "https://shop.example/hook", "eventTypes": list(EVENT_TYPES)}
    assert caller.send("POST", "/webhooks", body=body).status_code == 201
    caller.sandbox.change([EVENT])
    assert caller.sandbox.wait_for_deliveries()
    (delivery,) = caller.sandbox.deliveries()
    assert (delivery["state"], delivery["attempts"]) == ("DROPPED", [])


def test_the_control_path_reads_and_repeats_deliveries(
    sandbox: Sandbox, receiver: Receiver, control: Any
) -> None:
    made = control("POST", "/webhooks", {"url": receiver.url}).json()["data"]
    (event_id,) = control("POST", "/changes", [EVENT]).json()["data"]["ids"]
    assert sandbox.wait_for_deliveries()
    response = control("GET", "/deliveries")
    (delivery,) = response.json()["data"]
    assert (delivery["event_id"], delivery["webhook_id"]) == (event_id, made["id"])
    assert delivery["attempts"][0]["status"] == 200
    assert made["secret"] not in response.text
    assert receiver.received[0].headers["Webhook-Signature"] not in response.text
    assert control("POST", "/deliveries", {"event": event_id}).json()["data"] == {"endpoints": 1}
    assert sandbox.wait_for_deliveries()
    assert len(control("GET", "/deliveries?since=1").json()["data"]) == 1
    assert control("POST", "/deliveries/hurry").json()["data"] == {"due": 0}
    assert control("POST", "/deliveries", {"event": "evt_never"}).status_code == 400
    assert control("POST", "/webhooks", {"url": "ftp://127.0.0.1"}).status_code == 400


@pytest.mark.parametrize(
    "settings",
    [
        {"webhook_key": "rot13"},
        {"webhook_time_factor": 0},
        {"webhook_duplicates": -1},
        {"webhook_spoil": "everything"},
    ],
)
def test_settings_that_make_no_sense_are_refused(sandbox: Sandbox, settings: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        sandbox.set(**settings)


def test_the_command_prints_the_signing_secret_and_delivers(receiver: Receiver) -> None:
    options = ("--orders", "5", "--products", "2", "--webhook-url", receiver.url)
    with start_command(*options, "--webhook-key", "base64") as process:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        webhook = started["webhook"]
        assert (webhook["url"], webhook["signatureVersion"]) == (receiver.url, "V2")
        url = f"{started['control_url']}/changes"
        requests.post(url, json=[EVENT], timeout=10).raise_for_status()
        deadline = time.monotonic() + 20
        while not receiver.received:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.terminate()
        process.communicate(timeout=10)
    (received,) = receiver.received
    Webhook(webhook["secret"]).verify(received.body, received.headers)


def test_the_command_refuses_to_deliver_to_another_machine_unasked() -> None:
    with start_command("--webhook-url", "https://shop.example/hook") as process:
        _, errors = process.communicate(timeout=20)
        assert process.returncode != 0
        assert "--webhook-public" in errors


@pytest.mark.fact(30)
def test_an_event_may_be_about_a_subscription_alone(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.add_webhook(receiver.url)
    (pk, *_) = sandbox.change([{"op": "create_subscription"}])
    sandbox.change([{"op": "send_event", "type": "SUBSCRIPTION_TRIAL_ENDING", "subscription": pk}])
    assert sandbox.wait_for_deliveries()
    (told,) = [body for body in bodies(receiver) if body["event"].endswith("TRIAL_ENDING")]
    assert told["data"]["subscription"]["id"] == pk
    with pytest.raises(ChangeRefused, match="no subscription"):
        sandbox.change([{"op": "send_event", "type": "SUBSCRIPTION_PAUSED"}])


def test_deliveries_may_be_sent_by_hand_and_are_tried_again_in_time() -> None:
    answers = [500, 500, 200, 200]
    sent = []

    def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        sent.append((json.loads(body)["id"], int(headers["Webhook-Timestamp"])))
        return answers.pop(0)

    with Sandbox(seed=7, products=1, orders=3, listen=False, deliver=False) as sandbox:
        sandbox.add_webhook("https://shop.example/")
        first, second = sandbox.change([{**EVENT, "count": 2}])
        assert sandbox.send_deliveries(post) == 2
        assert sandbox.send_deliveries(post) == 0
        sandbox.pass_time(seconds=RETRY_DELAYS_SECONDS[0])
        assert sandbox.send_deliveries(post) == 2
    assert [event for event, _ in sent] == [first, second, first, second]
    assert sent[2][1] - sent[0][1] >= RETRY_DELAYS_SECONDS[0]


def test_what_goes_wrong_while_one_is_sent_by_hand_is_raised() -> None:
    def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        raise ValueError("The shop's own mistake.")

    with Sandbox(products=1, orders=3, listen=False, deliver=False) as sandbox:
        sandbox.add_webhook("https://shop.example/")
        sandbox.change([EVENT])
        with pytest.raises(ValueError, match="own mistake"):
            sandbox.send_deliveries(post)
