"""What is kept of a delivery, and of one that comes again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from pandabase_django.api.webhooks.verification import EVENT_ID
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import Store, WebhookDelivery, WebhookEndpoint
from tests.webhooks.sender import (
    SECRET,
    payload_of,
    sign_v2,
)
from tests.webhooks.stored import rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("wsgi_and_asgi")]


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


@pytest.mark.parametrize("order_id", ["..", "a\x7fb", "x" * 129])
def test_an_order_id_that_can_not_be_asked_for_is_kept_as_such(url: str, order_id: str) -> None:
    assert sign_v2(payload_of(order_id=order_id)).post(url).status_code == 200
    (row,) = rows()
    assert (row.order_id, row.payload["unfit_order"]) == ("", ascii(order_id))


@pytest.mark.parametrize("order_id", ["../../x", "ord_1/refunds", "ord 1", "é"])
def test_an_odd_order_id_is_kept(url: str, order_id: str) -> None:
    assert sign_v2(payload_of(order_id=order_id)).post(url).status_code == 200
    assert rows()[0].order_id == order_id


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
