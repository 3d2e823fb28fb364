"""Why a delivery was refused is told: one row an endpoint, no body, no signature."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pandabase_django.api.webhooks.diagnosis import Evidence
from pandabase_django.api.webhooks.verification import Reason
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import RefusedDeliveries, Store, WebhookDelivery, WebhookEndpoint
from pandabase_django.services.health.checks.webhooks import endpoints_are_well
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.webhooks import doctor, queue
from pandabase_django.services.webhooks.doctor import (
    EVIDENCE_TEXTS,
    REASON_TEXTS,
    UNKNOWN,
    Refusal,
    forget_refusals,
    read_refusals,
)
from pandabase_django.services.webhooks.refusals import keep
from tests.webhooks.sender import OTHER_SECRET, Delivery, payload_of, sign_v1, sign_v2

pytestmark = pytest.mark.django_db


def last(endpoint: WebhookEndpoint) -> Refusal:
    return read_refusals(endpoint.pk).last[0]


def test_a_wrong_secret_and_a_forgery_look_the_same(url: str, endpoint: WebhookEndpoint) -> None:
    sign_v2(secret=OTHER_SECRET, reading="TEXT").post(url, REMOTE_ADDR="203.0.113.9")
    refusal = last(endpoint)
    assert (refusal.reason, refusal.evidence) == ("signature", "nothing-fits")
    assert (refusal.version, refusal.signature, refusal.peer) == ("V2", "v1", "203.0.113.9")
    assert set(refusal.headers) == {
        "Webhook-Id",
        "Webhook-Timestamp",
        "Content-Type",
        "Content-Length",
    }


def test_swapped_secrets_are_recognised(url: str, endpoint: WebhookEndpoint, store: Store) -> None:
    WebhookEndpoint.objects.create(store=store, secret=Secret(OTHER_SECRET))
    sign_v2(secret=OTHER_SECRET, reading="TEXT").post(url)
    assert last(endpoint).evidence == "other-endpoint"


@pytest.mark.parametrize("how", ["spaces", "newline", "escapes"])
def test_a_body_that_was_written_anew_on_the_way_is_recognised(
    url: str, endpoint: WebhookEndpoint, how: str
) -> None:
    delivery = sign_v2(payload_of(status="größer"))
    data = json.loads(delivery.body)
    delivery.body = {
        "spaces": json.dumps(data, ensure_ascii=False).encode(),
        "newline": delivery.body + b"\n",
        "escapes": json.dumps(data, separators=(",", ":")).encode(),
    }[how]
    delivery.post(url)
    refusal = last(endpoint)
    assert (refusal.reason, refusal.evidence) == ("signature", "body-reencoded")


@pytest.mark.fact(33)
def test_the_second_header_tells_altered_headers_from_the_rest(
    url: str, endpoint: WebhookEndpoint
) -> None:
    endpoint.v1_allowed_until = timezone.now() + timedelta(hours=1)
    endpoint.save()
    delivery = sign_v1()
    delivery.headers["Webhook-Timestamp"] = str(int(delivery.headers["Webhook-Timestamp"]) + 1)
    delivery.post(url)
    assert last(endpoint).evidence == "headers-altered"
    delivery = sign_v1()
    Delivery(delivery.body.replace(b"1999", b"1998"), delivery.headers).post(url)
    assert last(endpoint).evidence == "secret-or-body"


@pytest.mark.parametrize("skew", [-4000, -301, 301, 4000])
def test_a_clock_that_goes_wrong_is_measured(
    url: str, endpoint: WebhookEndpoint, skew: int
) -> None:
    sign_v2(at=time.time() - skew).post(url)
    refusal = last(endpoint)
    assert refusal.reason == ("stale" if skew > 0 else "early")
    assert refusal.skew_seconds == pytest.approx(skew, abs=5)


def test_v1_at_an_endpoint_for_v2_alone_is_told_with_whether_it_would_be_right(
    url: str, endpoint: WebhookEndpoint
) -> None:
    sign_v1().post(url)
    assert (last(endpoint).reason, last(endpoint).evidence) == ("v1-refused", "v1-fits")
    sign_v1(secret=OTHER_SECRET).post(url)
    assert (last(endpoint).reason, last(endpoint).evidence) == ("v1-refused", "secret-or-body")
    assert (last(endpoint).version, last(endpoint).signature) == ("V1", "64 hex")


def test_addresses_that_are_no_endpoint_share_one_place(url: str) -> None:
    for number in range(5):
        sign_v2().post(f"/pandabase/webhooks/{number:040d}")
    refusals = read_refusals(UNKNOWN)
    assert refusals.counts == {"unknown-endpoint": 5}
    assert len(refusals.last) == 5


def test_counts_go_on_and_the_last_twenty_are_kept(url: str, endpoint: WebhookEndpoint) -> None:
    for number in range(30):
        sign_v2(payload_of(event_id=f"evt_{number}"), at=1).post(url)
    Delivery(b"x" * 300_000).post(url)
    refusals = read_refusals(endpoint.pk)
    assert refusals.counts == {"stale": 30, "too-large": 1}
    assert refusals.total == 31
    assert len(refusals.last) == 20
    assert refusals.last[1].headers["Webhook-Id"] == "evt_29"
    forget_refusals(endpoint.pk)
    assert read_refusals(endpoint.pk).total == 0
    assert read_refusals(endpoint.pk).last == ()


def test_a_flood_is_counted_but_not_written_each_time(
    url: str, endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(doctor.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(doctor, "_budget", doctor._Budget())
    with CaptureQueriesContext(connection) as queries:
        for _ in range(200):
            sign_v2(at=1).post(url)
        written = sum(query["sql"].startswith("UPDATE") for query in queries)
        assert written == doctor.NOTES_AT_ONCE == 40
        clock[0] += 1
        sign_v2(at=1).post(url)
        assert read_refusals(endpoint.pk).counts == {"stale": 40}
        clock[0] += 1
        sign_v2(at=1).post(url)
    assert read_refusals(endpoint.pk).counts == {"stale": 202}
    assert sum(query["sql"].startswith("UPDATE") for query in queries) == 41
    assert WebhookDelivery.objects.count() == 0


def test_each_process_adds_to_one_count_whatever_its_cache(
    url: str, endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        sign_v2(at=1).post(url)
    # As another process: with a cache and a budget of its own.
    cache.clear()
    monkeypatch.setattr(doctor, "_budget", doctor._Budget())
    assert read_refusals(endpoint.pk).counts == {"stale": 3}
    assert len(read_refusals(endpoint.pk).last) == 3
    sign_v2(secret=OTHER_SECRET, reading="TEXT").post(url)
    assert read_refusals(endpoint.pk).counts == {"stale": 3, "signature": 1}
    assert "webhook_refused" in {found.code for found in endpoints_are_well(Situation())}


def test_what_was_refused_over_thirty_days_ago_is_counted_no_more(
    url: str, endpoint: WebhookEndpoint
) -> None:
    sign_v2(at=1).post(url)
    row = RefusedDeliveries.objects.get()
    (today,) = row.counts
    row.counts = {"2026-01-01": {"stale": 5}, **row.counts}
    old = {**row.newest[0], "at": (timezone.now() - timedelta(days=31)).isoformat()}
    row.newest = [*row.newest, old]
    row.save()
    assert read_refusals(endpoint.pk).total == 1
    assert len(read_refusals(endpoint.pk).last) == 1
    sign_v2(at=1).post(url)
    row.refresh_from_db()
    assert row.counts == {today: {"stale": 2}}
    queue.prune()
    assert RefusedDeliveries.objects.count() == 1
    queue.prune(now=timezone.now() + timedelta(days=31))
    assert RefusedDeliveries.objects.count() == 0


def test_what_could_not_be_written_is_told_with_the_next(
    url: str, endpoint: WebhookEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "refuseddeliveries" in sql:
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        assert sign_v2(at=1).post(url).status_code == 401
    (told,) = [record for record in caplog.records if "could not be noted" in record.message]
    assert "OperationalError" in told.message
    assert told.exc_info is None, "frames hold the headers, and handlers show their variables"
    sign_v2(at=1).post(url)
    assert read_refusals(endpoint.pk).counts == {"stale": 2}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_processes_that_note_at_once_lose_no_count(url: str, endpoint: WebhookEndpoint) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    at = timezone.now()
    refusal = Refusal(at, "stale", "", "V2", 1.0, 1, "", "", {})

    def note(_: int) -> None:
        try:
            for _ in range(5):
                keep(endpoint.pk, refusal, {(endpoint.pk, "stale"): 1, ("another", "early"): 2})
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(note, range(4)))
    assert read_refusals(endpoint.pk).counts == {"stale": 20}
    assert read_refusals("another").counts == {"early": 40}


def test_a_flood_of_made_up_addresses_hides_no_refusal_of_an_endpoint(
    url: str, endpoint: WebhookEndpoint
) -> None:
    for number in range(int(doctor.NOTES_AT_ONCE) * 2):
        sign_v2().post(f"/pandabase/webhooks/made-up-address-{number}")
    sign_v2(at=1).post(url)
    assert [refusal.reason for refusal in read_refusals(endpoint.pk).last] == ["stale"]


def test_a_header_as_long_as_may_be_is_cut(url: str, endpoint: WebhookEndpoint) -> None:
    delivery = sign_v2(at=1)
    delivery.headers.update({"User-Agent": "x" * 8000, "Webhook-Id": "\x01é" * 10})
    delivery.post(url)
    refusal = last(endpoint)
    assert all(len(value) <= 120 for value in refusal.headers.values())
    assert refusal.headers["Webhook-Id"].isascii()


def test_every_reason_and_evidence_has_words() -> None:
    assert set(REASON_TEXTS) == {reason.value for reason in Reason}
    assert set(EVIDENCE_TEXTS) == {evidence.value for evidence in Evidence if evidence.value}


def test_good_deliveries_leave_no_trace_here(url: str, endpoint: WebhookEndpoint) -> None:
    assert sign_v2().post(url).status_code == 200
    assert read_refusals(endpoint.pk).total == 0
    assert reverse("pandabase:webhook", args=[endpoint.pk]) == url
