"""What counts as a delivery and what does not, at the function that decides."""

from __future__ import annotations

import time
import traceback
from datetime import datetime, timezone

import pytest

from pandabase_django.api.webhooks.signatures import KeyReading, SigningSecret, Version
from pandabase_django.api.webhooks.verification import Verified, verify
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import WebhookRejected
from tests.webhooks.sender import (
    OTHER_SECRET,
    SECRET,
    Delivery,
    payload_of,
    sign_v1,
    sign_v2,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)
AT = NOW.timestamp()


def accepted(delivery: Delivery, *secrets: str, v1: bool = False, now: datetime = NOW) -> Verified:
    return verify(
        delivery.body,
        headers=delivery.headers,
        secrets=[SigningSecret(text[-4:], Secret(text)) for text in secrets or (SECRET,)],
        now=now,
        v1_allowed=v1,
    )


def refused(delivery: Delivery, *secrets: str, v1: bool = False) -> WebhookRejected:
    with pytest.raises(WebhookRejected) as caught:
        accepted(delivery, *secrets, v1=v1)
    return caught.value


@pytest.mark.fact(30, 31, 32)
def test_what_the_standard_webhooks_package_signs_is_accepted() -> None:
    verified = accepted(sign_v2(at=AT))
    assert verified.event_id == "evt_1"
    assert verified.event == "PAYMENT_COMPLETED"
    assert verified.version is Version.V2
    assert verified.key_reading is KeyReading.BASE64
    assert verified.sent_at == NOW


@pytest.mark.fact(32)
@pytest.mark.parametrize("secret", [SECRET, OTHER_SECRET])
def test_the_secrets_text_is_a_key_as_well(secret: str) -> None:
    verified = accepted(sign_v2(at=AT, secret=secret, reading="TEXT"), secret)
    assert verified.key_reading is KeyReading.TEXT


@pytest.mark.fact(32)
def test_a_secret_whose_decoded_form_is_empty_or_short_signs_by_its_text_alone() -> None:
    import base64
    import hashlib
    import hmac

    for secret, key in (("whsec_" + "_" * 20, b""), ("whsec_" + "QUJD" + "_" * 20, b"ABC")):
        delivery = sign_v2(at=AT)
        head = f"evt_1.{int(AT)}.".encode()
        mac = hmac.new(key, head + delivery.body, hashlib.sha256).digest()
        delivery.headers["Webhook-Signature"] = "v1," + base64.b64encode(mac).decode()
        assert refused(delivery, secret).reason == "signature"


@pytest.mark.fact(31)
def test_one_of_several_signatures_is_enough() -> None:
    delivery = sign_v2(at=AT)
    good = delivery.headers["Webhook-Signature"]
    other = sign_v2(at=AT, secret=OTHER_SECRET, reading="TEXT").headers["Webhook-Signature"]
    for header in (f"{other} {good}", f"{good} {other}", f"v1a,abc {good}"):
        delivery.headers["Webhook-Signature"] = header
        assert accepted(delivery).key_reading is KeyReading.BASE64
    delivery.headers["Webhook-Signature"] = " ".join([other] * 16 + [good])
    assert refused(delivery).reason == "malformed-header"


def test_either_of_two_live_secrets_is_accepted_and_named() -> None:
    for secret in (SECRET, OTHER_SECRET):
        delivery = sign_v2(at=AT, secret=secret, reading="TEXT")
        assert accepted(delivery, SECRET, OTHER_SECRET).secret_name == secret[-4:]
    assert refused(sign_v2(at=AT, secret=OTHER_SECRET, reading="TEXT")).reason == "signature"


@pytest.mark.fact(31)
@pytest.mark.parametrize(
    ("seconds", "reason"), [(300, None), (-300, None), (301, "stale"), (-301, "early")]
)
def test_five_minutes_both_ways_and_no_more(seconds: int, reason: str | None) -> None:
    delivery = sign_v2(at=AT - seconds)
    if reason is None:
        assert accepted(delivery)
    else:
        error = refused(delivery)
        assert (error.reason, error.skew_seconds) == (reason, seconds)


@pytest.mark.fact(33)
@pytest.mark.parametrize(
    ("seconds", "reason"), [(300, None), (-300, None), (300.002, "stale"), (-300.002, "early")]
)
def test_the_same_bounds_hold_for_v1(seconds: float, reason: str | None) -> None:
    delivery = sign_v1(at=AT - seconds)
    if reason is None:
        assert accepted(delivery, v1=True)
    else:
        assert refused(delivery, v1=True).reason == reason


@pytest.mark.parametrize(
    "stamp",
    ["", " 1", "1 ", "+1795521600", "1795521600.0", "1_795_521_600", "1.7955216e9", "0x6B", "-1"],
)
def test_a_timestamp_is_digits_and_nothing_else(stamp: str) -> None:
    delivery = sign_v2(at=AT)
    delivery.headers["Webhook-Timestamp"] = stamp
    assert refused(delivery).reason in ("malformed-header", "missing-header")


def test_digits_of_other_scripts_are_no_digits() -> None:
    delivery = sign_v2(at=AT)
    delivery.headers["Webhook-Timestamp"] = "١٧٩٥٥٢١٦٠٠"
    assert refused(delivery).reason == "malformed-header"


@pytest.mark.parametrize("identifier", ["evt.1", "evt 1", "evt_é", "evt_1\x00", "e" * 129, "evt/1"])
def test_an_id_has_allowed_characters_alone(identifier: str) -> None:
    delivery = sign_v2(at=AT, identifier=identifier)
    assert refused(delivery).reason == "malformed-header"


def test_a_dot_cant_move_between_id_time_and_body() -> None:
    """``evt.1795521600.body`` must not be readable as an id with a dot in it."""
    delivery = sign_v2(payload_of(event_id="evt_1"), at=AT)
    delivery.headers["Webhook-Id"] = f"evt_1.{int(AT)}"
    assert refused(delivery).reason == "malformed-header"


@pytest.mark.fact(33)
def test_v1_needs_leave() -> None:
    error = refused(sign_v1(at=AT))
    assert (error.reason, error.version) == ("v1-refused", "V1")
    verified = accepted(sign_v1(at=AT), v1=True)
    assert (verified.version, verified.key_reading) == (Version.V1, KeyReading.TEXT)
    assert verified.event_id == "evt_1"


@pytest.mark.fact(33)
def test_the_signature_over_the_body_alone_proves_nothing() -> None:
    delivery = sign_v1(at=AT)
    legacy = delivery.headers["X-Pandabase-Signature"]
    for changed in (
        {"X-Pandabase-Signature": legacy},
        {**delivery.headers, "Webhook-Signature": legacy},
        {**delivery.headers, "Webhook-Signature": ""},
        {**delivery.headers, "Webhook-Signature": f"v1,{legacy}"},
    ):
        assert refused(Delivery(delivery.body, changed), v1=True)


@pytest.mark.fact(33)
def test_a_v2_signature_is_no_v1_signature_and_the_other_way_round() -> None:
    import base64

    v2 = sign_v2(at=AT, reading="TEXT")
    digest = base64.b64decode(v2.headers["Webhook-Signature"].removeprefix("v1,"))
    assert refused(Delivery(v2.body, {**v2.headers, "Webhook-Signature": digest.hex()}), v1=True)
    v1 = sign_v1(at=AT)
    encoded = base64.b64encode(bytes.fromhex(v1.headers["Webhook-Signature"])).decode()
    headers = {**v1.headers, "Webhook-Id": "evt_1", "Webhook-Signature": f"v1,{encoded}"}
    assert refused(Delivery(v1.body, headers), v1=True).reason == "signature"


def test_a_second_spelling_of_the_same_signature_bytes_is_refused() -> None:
    delivery = sign_v2(at=AT)
    text = delivery.headers["Webhook-Signature"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet.index(text[-2])
    delivery.headers["Webhook-Signature"] = text[:-2] + alphabet[last ^ 1] + "="
    assert refused(delivery).reason == "signature"
    upper = sign_v1(at=AT)
    upper.headers["Webhook-Signature"] = upper.headers["Webhook-Signature"].upper()
    assert refused(upper, v1=True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b"{}",
        b'{"id":"evt_1"}',
        b'{"id":7,"event":"A"}',
        b'{"id":"evt.1","event":"A"}',
        b'{"id":"evt_1","event":""}',
        b'{"id":"evt_1","event":"a b"}',
        b'{"id":"evt_1","event":["A"]}',
        b'{"id":"","event":"A"}',
        b"[" * 100_000,
        b'{"id":"evt_1","event":"' + b"A" * 101 + b'"}',
    ],
)
def test_a_well_signed_body_that_is_no_webhook_is_refused(body: bytes) -> None:
    assert refused(sign_v1(body, at=AT), v1=True).reason == "malformed-body"


@pytest.mark.fact(31)
def test_without_an_id_in_the_payload_the_signed_header_is_the_id() -> None:
    payload = payload_of()
    del payload["id"]
    assert accepted(sign_v2(payload, at=AT, identifier="evt_7")).event_id == "evt_7"


def test_no_error_and_no_repr_shows_a_secret_or_a_signature() -> None:
    delivery = sign_v2(at=AT, secret=OTHER_SECRET, reading="TEXT")
    error = refused(delivery)
    verified = accepted(sign_v2(at=AT))
    shown = f"{error!r} {error} {vars(error)} {verified!r} {SigningSecret('x', Secret(SECRET))!r}"
    for hidden in (SECRET, OTHER_SECRET, delivery.headers["Webhook-Signature"]):
        assert hidden not in shown


def test_no_traceback_shows_a_secret_even_with_local_variables() -> None:
    secret = Secret(OTHER_SECRET)
    delivery = sign_v2(at=AT)
    for change in ({}, {"Webhook-Timestamp": "x"}, {"Webhook-Timestamp": "1"}):
        try:
            verify(
                delivery.body,
                headers={**delivery.headers, **change},
                secrets=[SigningSecret("current", secret)],
                now=NOW,
            )
        except WebhookRejected as error:
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            assert OTHER_SECRET not in "".join(told.format())
        else:
            pytest.fail("it was accepted")


def test_it_takes_the_time_it_is_told() -> None:
    delivery = sign_v2(at=time.time())
    assert accepted(delivery, now=datetime.now(tz=timezone.utc))
    assert refused(delivery).reason == "early"
