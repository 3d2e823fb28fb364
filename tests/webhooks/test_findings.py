"""What of the webhooks needs a person is told where everything else is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pandabase_django.models import Store, WebhookDelivery, WebhookEndpoint
from pandabase_django.services.findings import Finding, Situation
from pandabase_django.services.health import attention
from pandabase_django.services.webhooks.process import process_delivery
from tests.webhooks.conftest import Arrive
from tests.webhooks.sender import payload_of, sign_v2

pytestmark = pytest.mark.django_db


def found() -> dict[str, Finding]:
    findings = attention(Situation())
    return {finding.code: finding for finding in findings if "webhook" in finding.code}


def test_an_endpoint_in_order_needs_nothing(url: str, arrive: Arrive) -> None:
    process_delivery(arrive("").pk)
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
