"""The address itself: what it answers, what it stores, and what it never does."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.handlers.base import BaseHandler
from django.db import connection, transaction
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from pandabase_django import views
from pandabase_django.api.webhooks import EVENT_ID
from pandabase_django.crypto.keyring import generate_key
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import Store, WebhookDelivery, WebhookEndpoint
from pandabase_django.services.webhooks.secrets import install_secret
from pandabase_django.views import webhook
from tests.webhooks.sender import (
    OTHER_SECRET,
    SECRET,
    Delivery,
    payload_of,
    sign_v1,
    sign_v2,
)

pytestmark = pytest.mark.django_db


def rows() -> list[WebhookDelivery]:
    return list(WebhookDelivery.objects.order_by("pk"))


@pytest.mark.parametrize("slash", ["", "/"])
def test_with_and_without_a_slash_at_the_end(url: str, slash: str) -> None:
    answer = sign_v2().post(url + slash)
    assert (answer.status_code, answer.content) == (200, b"")
    assert len(rows()) == 1


def test_what_is_stored(url: str, endpoint: WebhookEndpoint) -> None:
    delivery = sign_v2()
    delivery.headers.update({"User-Agent": "Pandabase/2", "Cookie": "a=b", "X-Other": "x"})
    assert delivery.post(url).status_code == 200
    (row,) = rows()
    assert (row.endpoint_id, row.event_id, row.event) == (
        endpoint.pk,
        "evt_1",
        "PAYMENT_COMPLETED",
    )
    assert (row.order_id, row.state, row.version) == ("ord_1", "PENDING", "V2")
    assert row.event_at is not None
    assert row.event_at.isoformat() == "2026-11-24T10:00:00+00:00"
    assert set(row.headers) == {"Webhook-Id", "Webhook-Timestamp", "User-Agent", "Content-Type"}
    endpoint.refresh_from_db()
    assert endpoint.key_reading == row.key_reading == "BASE64"
    assert endpoint.last_verified_at is not None


def test_no_address_card_licence_or_place_is_kept(url: str) -> None:
    payload = payload_of(
        billingAddress={"line1": "canary-street"},
        licenses=["canary-licence"],
        payment={"id": "pay_1", "card": {"last4": "canary"}, "cardLastFour": "canary"},
        items=[{"id": "itm_1", "name": "Game", "quantity": 2, "licenseKeys": ["canary"]}],
        note="canary-note",
        taxId="canary-tax",
    )
    payload["data"]["customer"] = {"id": "cus_1", "email": "a@b.c", "name": "canary", "ip": "can"}
    payload["data"]["invented"] = {"id": "canary"}
    assert sign_v2(payload).post(url).status_code == 200
    (row,) = rows()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM pandabase_webhookdelivery")
        stored = repr(cursor.fetchall())
    assert "canary" not in stored
    assert "Berlin" not in stored
    assert row.payload["data"] == {
        "order": {
            "id": "ord_1",
            "status": "COMPLETED",
            "amount": 1999,
            "payment": {"id": "pay_1"},
            "items": [{"id": "itm_1", "name": "Game", "quantity": 2}],
        },
        "customer": {"id": "cus_1", "email": "a@b.c"},
    }


@pytest.mark.fact(30)
@pytest.mark.parametrize(
    "data",
    [{}, {"order": {}, "customer": {}}, {"order": None}, [], "text", None, {"order": {"id": 7}}],
)
def test_empty_objects_inside_are_no_error(url: str, data: Any) -> None:
    payload = {"event": "PAYMENT_COMPLETED", "id": "evt_1", "data": data}
    assert sign_v2(payload).post(url).status_code == 200
    (row,) = rows()
    assert (row.order_id, row.event_at) == ("", None)


@pytest.mark.parametrize("order_id", ["../../x", "ord_1/refunds", "ord 1", "x" * 129, "é"])
def test_an_order_id_that_is_none_names_no_order(url: str, order_id: str) -> None:
    assert sign_v2(payload_of(order_id=order_id)).post(url).status_code == 200
    assert rows()[0].order_id == ""


def test_what_a_database_cant_store_is_stored_all_the_same(url: str) -> None:
    body = (
        b'{"event":"PAYMENT_COMPLETED","id":"evt_1","timestamp":1e999,'
        b'"data":{"order":{"id":"ord_1","status":"a\\u0000b\\ud800","amount":NaN}}}'
    )
    assert sign_v2(body, identifier="evt_1").post(url).status_code == 200
    assert rows()[0].payload["data"]["order"]["status"] == "a\ufffdb\ufffd"


@pytest.mark.parametrize("levels", [100, 900, 20_000])
def test_a_signed_body_nested_beyond_any_sense_is_no_error_page(url: str, levels: int) -> None:
    inner = '{"data":' * levels + "{}" + "}" * levels
    body = '{"id":"evt_1","event":"PAYMENT_COMPLETED","data":' + inner + "}"
    answer = sign_v2(body.encode(), identifier="evt_1").post(url)
    # Whether Python itself reads the deeper ones depends on its version.
    assert answer.status_code in ((200,) if levels == 100 else (200, 401))
    assert all(str(row.payload).count("data") <= 8 for row in rows())


@pytest.mark.fact(34)
def test_the_same_event_again_is_one_row_and_200(url: str) -> None:
    for _ in range(3):
        assert sign_v2().post(url).status_code == 200
    (row,) = rows()
    assert row.conflicts == 0


def test_another_body_under_the_same_id_is_told_and_the_first_is_kept(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    sign_v2().post(url)
    assert sign_v2(payload_of(status="REFUNDED")).post(url).status_code == 200
    (row,) = rows()
    assert row.payload["data"]["order"]["status"] == "COMPLETED"
    assert row.conflicts == 1
    assert "again with another body" in caplog.text


def test_the_same_event_at_two_endpoints_is_two_rows(url: str, store: Store) -> None:
    other = WebhookEndpoint.objects.create(store=store, secret=Secret(SECRET))
    sign_v2().post(url)
    sign_v2().post(reverse("pandabase:webhook", args=[other.pk]))
    assert len(rows()) == 2


@pytest.mark.fact(24)
@pytest.mark.parametrize("event", ["SOMETHING_NEW", "PRODUCT_CREATED"])
def test_an_unknown_event_is_kept(url: str, event: str) -> None:
    assert sign_v2(payload_of(event)).post(url).status_code == 200
    assert rows()[0].event == event


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options", "trace"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_only_post_is_allowed(url: str, method: str, slash: str) -> None:
    answer = getattr(Client(), method)(url + slash)
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    assert rows() == []


@pytest.mark.parametrize(
    "endpoint_id",
    ["0" * 40, "x", "%00" * 20, "é" * 20, "a" * 5000, "..", "%ff%fe", "a b"],
)
def test_an_address_that_is_no_endpoint_is_401(db: None, endpoint_id: str) -> None:
    for slash in ("", "/"):
        answer = sign_v2().post(f"/pandabase/webhooks/{endpoint_id}{slash}")
        assert answer.status_code == 401
    assert rows() == []


def test_a_disabled_endpoint_and_one_without_a_secret_are_401(
    url: str, endpoint: WebhookEndpoint, store: Store
) -> None:
    endpoint.enabled = False
    endpoint.save()
    assert sign_v2().post(url).status_code == 401
    bare = WebhookEndpoint.objects.create(store=store)
    assert sign_v2().post(reverse("pandabase:webhook", args=[bare.pk])).status_code == 401
    assert rows() == []


@pytest.mark.parametrize("missing", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_a_missing_header_is_401(url: str, missing: str) -> None:
    delivery = sign_v2()
    del delivery.headers[missing]
    assert delivery.post(url).status_code == 401
    assert rows() == []


@pytest.mark.fact(33)
def test_v1_is_taken_only_until_its_date(url: str, endpoint: WebhookEndpoint) -> None:
    def allow_until(delta: timedelta) -> None:
        endpoint.v1_allowed_until = timezone.now() + delta
        endpoint.save()

    assert sign_v1().post(url).status_code == 401
    allow_until(timedelta(seconds=-1))
    assert sign_v1().post(url).status_code == 401
    assert rows() == []
    allow_until(timedelta(hours=1))
    assert sign_v1().post(url).status_code == 200
    assert rows()[0].version == "V1"


@pytest.mark.fact(33)
def test_v1_is_deduplicated_by_its_payload_since_its_header_id_is_unsigned(
    url: str, endpoint: WebhookEndpoint
) -> None:
    endpoint.v1_allowed_until = timezone.now() + timedelta(hours=1)
    endpoint.save()
    for job in range(3):
        assert sign_v1(identifier=f"whk_1/job_{job}").post(url).status_code == 200
    assert sign_v2().post(url).status_code == 200  # the same event in the other mode
    (row,) = rows()
    assert row.event_id == "evt_1"


def test_the_previous_secret_is_good_until_its_date(url: str, endpoint: WebhookEndpoint) -> None:
    install_secret(endpoint, Secret(OTHER_SECRET), overlap=timedelta(hours=1))
    assert sign_v2(payload_of(event_id="evt_1")).post(url).status_code == 200
    fresh = sign_v2(payload_of(event_id="evt_2"), secret=OTHER_SECRET, reading="TEXT")
    assert fresh.post(url).status_code == 200
    assert [row.used_previous_secret for row in rows()] == [True, False]
    endpoint.previous_valid_until = timezone.now()
    endpoint.save()
    assert sign_v2(payload_of(event_id="evt_3")).post(url).status_code == 401


class Endless(io.RawIOBase):
    """A body that never ends, and counts what was taken of it."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "a body must not be read without a limit"
        self.taken += size
        return b"x" * size


@pytest.mark.parametrize("declared", ["262145", "10485760", "9" * 30])
def test_a_body_declared_too_large_is_413_before_a_byte_is_read(url: str, declared: str) -> None:
    request = RequestFactory().post(url, data=b"", content_type="application/json")
    request.META["CONTENT_LENGTH"] = declared
    stream = Endless()
    request._stream = stream
    assert webhook(request, url.rpartition("/")[2]).status_code == 413
    assert stream.taken == 0


def test_a_body_that_grows_too_large_is_413_and_not_read_further(url: str) -> None:
    request = RequestFactory().post(url, data=b"", content_type="application/json")
    stream = Endless()
    request._stream = stream
    assert webhook(request, url.rpartition("/")[2]).status_code == 413
    assert stream.taken <= 256 * 1024 + 16 * 1024
    assert rows() == []


def test_the_largest_body_is_taken(url: str) -> None:
    payload = payload_of()
    payload["padding"] = ""
    size = 256 * 1024 - len(json.dumps(payload, separators=(",", ":")))
    payload["padding"] = "x" * size
    assert sign_v2(payload).post(url).status_code == 200
    payload["padding"] += "x"
    assert sign_v2(payload).post(url).status_code == 413


def test_a_body_that_breaks_off_is_401(url: str) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ConnectionResetError

    request = RequestFactory().post(url, data=b"", content_type="application/json")
    request._stream = Broken()
    assert webhook(request, url.rpartition("/")[2]).status_code == 401


def test_a_body_that_takes_too_long_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 4))
    monkeypatch.setattr(views.time, "monotonic", lambda: float(next(clock)))
    request = RequestFactory().post(url, data=b"", content_type="application/json")
    request._stream = Endless()
    assert webhook(request, url.rpartition("/")[2]).status_code == 401
    assert request._stream.taken < 6 * 16 * 1024


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
def test_the_content_type_does_not_matter(url: str, content_type: str) -> None:
    assert sign_v2().post(url, content_type=content_type).status_code == 200


@override_settings(
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "tests.webhooks.middleware.ReadsTheForm",
    ]
)
def test_a_middleware_that_read_the_form_makes_it_401_and_never_500(url: str) -> None:
    delivery = sign_v2()
    answer = delivery.post(url, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 401
    assert sign_v2().post(url).status_code == 200  # JSON is left alone


def test_it_needs_no_csrf_token(url: str) -> None:
    assert sign_v2().post(url, Client(enforce_csrf_checks=True)).status_code == 200


def test_a_delivery_that_was_given_up_is_worked_off_when_it_is_sent_anew(url: str) -> None:
    sign_v2().post(url)
    for state, expected in (("DEAD", "PENDING"), ("PROCESSED", "PROCESSED")):
        WebhookDelivery.objects.update(state=state, attempts=8, next_attempt_at=None)
        assert sign_v2().post(url).status_code == 200
        assert rows()[0].state == expected
    WebhookDelivery.objects.update(state="DEAD")
    assert sign_v2(payload_of(status="FORGED")).post(url).status_code == 200
    assert (rows()[0].state, rows()[0].conflicts) == ("DEAD", 1)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["id", "order", "items", "customer", "status", "email", "amount", "timestamp"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings_of_hypothesis(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(json_values, json_values, json_values)
def test_whatever_a_signed_payload_holds_it_is_200_or_401(
    url: str, data: Any, stamp: Any, event_id: Any
) -> None:
    payload = {"event": "PAYMENT_COMPLETED", "id": event_id, "timestamp": stamp, "data": data}
    answer = sign_v2(json.dumps(payload).encode(), identifier="evt_1").post(url)
    usable = isinstance(event_id, str) and EVENT_ID.fullmatch(event_id)
    assert answer.status_code == (200 if usable or event_id is None else 401)
    for row in rows():
        row.delete()


def test_other_views_are_atomic_and_this_one_is_not(monkeypatch: Any) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    handler = BaseHandler()

    def other(request: Any) -> None: ...

    assert handler.make_view_atomic(other) is not other
    assert handler.make_view_atomic(webhook) is webhook


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("atomic", [True, False])
def test_atomic_requests_changes_nothing(url: str, atomic: bool, monkeypatch: Any) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic)
    seen: list[bool] = []
    real = transaction.on_commit

    def watched(*arguments: Any, **options: Any) -> None:
        seen.append(connection.in_atomic_block)
        assert WebhookDelivery.objects.count() == 1
        real(*arguments, **options)

    monkeypatch.setattr(transaction, "on_commit", watched)
    assert sign_v2().post(url).status_code == 200
    assert seen == [False]
    assert Delivery(b"{}", sign_v2().headers).post(url).status_code == 401


def test_a_secret_that_cant_be_opened_is_ours_to_mend_and_503(url: str, settings: Any) -> None:
    settings.PANDABASE = {"ENCRYPTION_KEYS": []}
    assert sign_v2().post(url).status_code == 503
    settings.PANDABASE = {"ENCRYPTION_KEYS": [generate_key()]}
    assert sign_v2().post(url).status_code == 503
    settings.PANDABASE = {"UNKNOWN": 1}
    assert sign_v2().post(url).status_code == 503
    assert rows() == []


def test_a_broken_cache_does_not_turn_a_refusal_into_an_error(
    url: str, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1",
        }
    }
    assert sign_v2(secret="whsec_" + "A" * 32).post(url).status_code == 401
    (told,) = [record for record in caplog.records if "could not be noted" in record.message]
    assert told.exc_info is None, "frames hold the headers, and handlers show their variables"


def test_nothing_secret_is_logged_or_kept(
    url: str, endpoint: WebhookEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    canary = payload_of(note="canary-in-the-body")
    good, bad = sign_v2(canary), sign_v2(canary, secret="whsec_" + "A" * 32)
    stale = sign_v2(canary, at=1)
    v1 = sign_v1(canary)
    for delivery in (bad, stale, v1, good, good):
        delivery.post(url)
    with connection.cursor() as cursor:
        kept = ""
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {table}")
            kept += repr(cursor.fetchall())
    cached = repr(getattr(cache, "_cache", {}))
    assert cached != "{}"
    for hidden in (
        SECRET,
        SECRET.removeprefix("whsec_"),
        "canary-in-the-body",
        *(d.headers["Webhook-Signature"].removeprefix("v1,") for d in (good, bad, stale, v1)),
        v1.headers["X-Pandabase-Signature"],
    ):
        assert hidden not in caplog.text
        assert hidden not in kept
        assert hidden not in cached
    assert endpoint.pk not in caplog.text
