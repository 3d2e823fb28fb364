"""What of the webhooks needs a person is told where everything else is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pandabase_django.crypto.secret import Secret
from pandabase_django.events import Event, on_event
from pandabase_django.models import (
    ApiToken,
    RemoteOutage,
    Store,
    SyncCursor,
    WebhookDelivery,
    WebhookEndpoint,
)
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.services.health.report import attention
from pandabase_django.services.webhooks.process import process_delivery
from pandabase_django.services.webhooks.queue import refused_dead_letters
from tests.webhooks.conftest import Arrive
from tests.webhooks.processing.conftest import make_due
from tests.webhooks.sender import payload_of, sign_v2

pytestmark = pytest.mark.django_db


def found() -> dict[str, Finding]:
    findings = attention(Situation())
    return {finding.code: finding for finding in findings if "webhook" in finding.code}


def test_an_endpoint_in_order_needs_nothing(url: str, arrive: Arrive) -> None:
    process_delivery(arrive("", "SUBSCRIPTION_RENEWED").pk)
    assert found() == {}


def test_an_endpoint_without_a_secret_is_told(store: Store) -> None:
    WebhookEndpoint.objects.create(store=store)
    assert list(found()) == ["webhook_no_secret"]


def test_refusals_are_told_until_a_good_delivery_came_after_them(
    url: str, endpoint: WebhookEndpoint
) -> None:
    sign_v2(at=1).post(url)
    assert "signed too long ago" in found()["webhook_refused"].sentence
    assert found()["webhook_refused"].url_args == (endpoint.pk,)
    sign_v2(payload_of("SUBSCRIPTION_PAUSED", order_id="")).post(url)
    assert found() == {}


def test_what_is_registered_otherwise_is_told(endpoint: WebhookEndpoint) -> None:
    endpoint.drift = [{"field": "event_types", "here": [], "there": []}]
    endpoint.v1_allowed_until = timezone.now() + timedelta(days=1)
    endpoint.save()
    assert list(found()) == ["webhook_drift", "webhook_v1"]
    endpoint.registration = "GONE"
    endpoint.save()
    assert list(found()) == ["webhook_gone", "webhook_v1"]
    endpoint.enabled = False
    endpoint.save()
    assert found() == {}


def test_a_registration_that_was_cut_short_is_told(endpoint: WebhookEndpoint) -> None:
    endpoint.registration = "PENDING"
    endpoint.save()
    assert "cut short" in found()["webhook_pending"].sentence
    assert "compare" in found()["webhook_pending"].fix


def test_deliveries_that_are_not_worked_off_are_told(arrive: Arrive) -> None:
    rows = [arrive("") for _ in range(4)]
    assert found() == {}
    long_ago = timezone.now() - timedelta(minutes=11)
    WebhookDelivery.objects.filter(pk=rows[0].pk).update(next_attempt_at=long_ago)
    WebhookDelivery.objects.filter(pk__in=[rows[1].pk, rows[2].pk]).update(state="DEAD")
    WebhookDelivery.objects.filter(pk=rows[3].pk).update(state="PROCESSED", conflicts=1)
    findings = found()
    assert set(findings) == {"webhook_dead_letters", "webhook_waiting", "webhook_conflict"}
    assert findings["webhook_dead_letters"].sentence.startswith("2 webhook deliveries")
    assert findings["webhook_waiting"].sentence.startswith("1 webhook delivery")


def test_other_stores_are_left_out(arrive: Arrive) -> None:
    WebhookDelivery.objects.filter(pk=arrive("").pk).update(state="DEAD")
    other = Store.objects.create(pk="shp_other")
    findings = attention(Situation(stores=[other]))
    assert not [finding for finding in findings if "webhook" in finding.code]


def test_more_deliveries_cost_no_more_queries(arrive: Arrive) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            found()
        return len(caught)

    arrive("")
    few = queries()
    for _ in range(10):
        WebhookDelivery.objects.filter(pk=arrive("").pk).update(state="DEAD")
    assert queries() == few


def test_a_delivery_that_failed_twice_is_told_with_its_handlers_words(arrive: Arrive) -> None:
    @on_event("SUBSCRIPTION_RENEWED")
    def hand_out_key(event: Event) -> None:
        raise LookupError("No key left")

    rows = [arrive("", "SUBSCRIPTION_RENEWED") for _ in range(4)]
    for row in rows:
        process_delivery(row.pk)
    assert found() == {}
    make_due()
    for row in rows:
        process_delivery(row.pk)
    finding = found()["webhook_failing"]
    assert finding.sentence.startswith("4 webhook deliveries of shp_")
    assert "hand_out_key (LookupError: No key left)" in finding.sentence
    assert finding.url_name == "pandabase_webhookdelivery_changelist"
    levels = [finding.level]
    for _ in range(2):
        make_due()
        process_delivery(rows[0].pk)
        levels.append(found()["webhook_failing"].level)
    assert levels == [Level.WARNING, Level.WARNING, Level.ERROR]


@pytest.mark.parametrize(("attempts", "code"), [(1, 0), (2, 4), (3, 4), (4, 1)])
def test_the_check_fails_for_a_failing_handler(
    arrive: Arrive, attempts: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    arrive("", "SUBSCRIPTION_RENEWED")
    WebhookDelivery.objects.update(
        attempts=attempts, last_error="Raised: shop.keys (LookupError)", enqueued_at=None
    )
    Store.objects.update(enabled=False)
    levels = {found.level for found in attention(Situation()) if "webhook" in found.code}
    assert levels == {0: set(), 4: {Level.WARNING}, 1: {Level.ERROR}}[code]
    with pytest.raises(CommandError) as ended:
        call_command("pandabase_check")
    assert ended.value.returncode == (code or 4)  # nothing else is set up here
    assert ("LookupError" in capsys.readouterr().out) is bool(code)


def test_the_words_are_those_of_the_newest_delivery(arrive: Arrive) -> None:
    for number in (9, 10):  # as texts the other way round
        WebhookDelivery.objects.filter(pk=arrive("").pk).update(
            id=1000 * number, attempts=2, last_error=f"Raised: shop.number_{number}"
        )
    assert found()["webhook_failing"].sentence.endswith("twice or more. Raised: shop.number_10")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("127.0.0.1:9 refused the connection.", False),
        ("The service is down (HTTP 503)", False),
        ("Raised: shop.keys (LookupError)", True),
        ("The order is still PROCESSING: the answer was older than the event.", True),
    ],
)
def test_what_cannot_be_fetched_during_an_outage_is_told_by_the_outage(
    store: Store, arrive: Arrive, error: str, told: bool
) -> None:
    ApiToken.objects.create(
        store=store, name="t", mode="BEARER", base_url="https://x", secret=Secret("sk_x"),
        role="ACTIVE", health="OK",
    )  # fmt: skip
    arrive("")
    WebhookDelivery.objects.update(attempts=4, last_error=error)
    assert "webhook_failing" in found()
    now = timezone.now()
    SyncCursor.objects.create(
        store=store, resource="orders", last_completed_at=now - timedelta(hours=1)
    )
    RemoteOutage.objects.create(
        host="x", since=now, last_tried_at=now, next_try_at=now, everywhere=True
    )
    assert [f.code for f in attention(Situation()) if f.code == "remote_away"] == ["remote_away"]
    assert ("webhook_failing" in found()) is told


REFUSALS = {
    None: "Store shp_1 has no active token. Add one, or make one active, in the admin.",
    401: "Missing or invalid authentication (HTTP 401, request req_1)",
    403: "Missing required permissions: ORDERS_READ (HTTP 403)",
}


@pytest.mark.parametrize("status", [401, 403, None])
def test_what_a_refused_token_cost_is_offered_for_replay_when_it_works_again(
    store: Store, arrive: Arrive, status: int | None
) -> None:
    now = timezone.now()
    token = ApiToken.objects.create(
        store=store, name="t", mode="BEARER", base_url="https://x", secret=Secret("sk_x"),
        role="ACTIVE" if status else "STANDBY",
        health="SUSPECT" if status == 401 else "OK", secret_set_at=now,
    )  # fmt: skip
    permission = token.permissions.create(
        code="ORDERS_READ", observed="DENIED" if status == 403 else "GRANTED"
    )
    for error in (REFUSALS[status], "HTTP 503"):
        WebhookDelivery.objects.filter(pk=arrive("").pk).update(
            state="DEAD", last_error=error, finished_at=now + timedelta(seconds=1)
        )
    assert found()["webhook_dead_letters"].sentence.startswith("2 ")
    assert refused_dead_letters(token) == []
    token.role, token.health = "ACTIVE", "OK"
    token.secret_set_at = now + timedelta(seconds=2)
    token.save()
    assert found()["webhook_dead_letters"].sentence.startswith("1 ")
    assert "Replay" in found()["webhook_replay_offered"].fix
    assert len(refused_dead_letters(token)) == 1
    # Without a new secret it depends on what is known of the token.
    ApiToken.objects.update(secret_set_at=now)
    token.refresh_from_db()
    assert len(refused_dead_letters(token)) == (0 if status == 403 else 1)
    permission.observed = "GRANTED"
    permission.save()
    assert len(refused_dead_letters(token)) == 1
