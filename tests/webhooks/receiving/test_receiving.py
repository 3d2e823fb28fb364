"""The address itself: what it answers, what it stores, and what it never does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.handlers.base import BaseHandler
from django.db import DataError, connection, transaction
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from pandabase_django.crypto.keyring import generate_key
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import Store, WebhookDelivery, WebhookEndpoint
from pandabase_django.services.webhooks.secrets import install_secret
from pandabase_django.views.webhooks import webhook
from tests.webhooks.sender import (
    OTHER_SECRET,
    SECRET,
    Delivery,
    payload_of,
    sign_v1,
    sign_v2,
)
from tests.webhooks.stored import rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("wsgi_and_asgi")]


@pytest.mark.parametrize("slash", ["", "/"])
def test_with_and_without_a_slash_at_the_end(url: str, slash: str) -> None:
    answer = sign_v2().post(url + slash)
    assert (answer.status_code, answer.content) == (200, b"")
    assert len(rows()) == 1


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


def test_a_secret_that_cant_be_opened_is_ours_to_mend_and_503(
    url: str, settings: Any, endpoint: WebhookEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    settings.PANDABASE = {"ENCRYPTION_KEYS": []}
    assert sign_v2().post(url).status_code == 503
    settings.PANDABASE = {"ENCRYPTION_KEYS": [generate_key()]}
    assert sign_v2().post(url).status_code == 503
    stores = [vars(record)["store"] for record in caplog.records]
    assert stores == [endpoint.store_id, endpoint.store_id]
    settings.PANDABASE = {"UNKNOWN": 1}
    assert sign_v2().post(url).status_code == 503
    assert rows() == []


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


def test_a_database_that_fails_is_503_and_its_words_are_not_logged(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("INSERT") and WebhookDelivery._meta.db_table in sql:
            raise DataError("Failing row contains (ord_canary, canary@example.com).")
        return execute(sql, *arguments)

    with connection.execute_wrapper(refuse):
        assert sign_v2().post(url).status_code == 503
    assert "DataError" in caplog.text
    assert "canary" not in caplog.text
