"""Deliveries, and what becomes of them, as people use their pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from celery import current_app
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import ApiToken, HandledEvent, WebhookDelivery, WebhookEndpoint
from tests.admin.conftest import Login
from tests.admin.webhooks.pages import page_of, press, send
from tests.webhooks.sender import payload_of, sign_v2

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_refused", "broker")]


def test_a_delivery_shows_what_it_did_and_folds_its_payload(
    owner: Client, dead: WebhookDelivery
) -> None:
    HandledEvent.objects.create(
        store=dead.endpoint.store,
        event_id=dead.event_id,
        handler="shop.hand_out_key",
        handled_at=timezone.now(),
    )
    page = owner.get(page_of(dead)).content.decode()
    for text in ("Dead letter", "shop.hand_out_key", "&lt;b&gt;no&lt;/b&gt;", "<details>"):
        assert text in page
    assert reverse("admin:pandabase_order_change", args=[quote(dead.order_id)]) in page
    listed = owner.get(reverse("admin:pandabase_webhookdelivery_changelist")).content.decode()
    assert "8 attempts" in listed


def test_replaying_needs_its_own_right_and_enqueues(
    login: Login, dead: WebhookDelivery, django_capture_on_commit_callbacks: Any
) -> None:
    views = ("view_webhookdelivery", "view_order", "view_webhookendpoint")
    reader = login(*views)
    assert reader.post(page_of(dead, "replay")).status_code == 403
    assert "Replay" not in reader.get(page_of(dead)).content.decode()
    worker = login(*views, "replay_webhookdelivery")
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        worker.post(page_of(dead, "replay"))
    assert len(callbacks) == 1
    dead.refresh_from_db()
    assert (dead.state, dead.attempts, dead.last_error) == ("PENDING", 0, "")
    with current_app.connection_for_read() as connection:
        message = connection.SimpleQueue("celery").get(block=False)
    assert json.loads(message.body)[0] == [dead.pk]


def test_dead_letters_are_filtered_and_replayed_together(
    owner: Client, dead: WebhookDelivery
) -> None:
    url = reverse("admin:pandabase_webhookdelivery_changelist")
    send(dead.endpoint, sign_v2(payload_of(event_id="evt_fine")))
    page = owner.get(url + "?state__exact=DEAD")
    assert [row.pk for row in page.context["cl"].result_list] == [dead.pk]
    found = owner.get(url + f"?q={dead.event_id}").context["cl"].result_list
    assert [row.pk for row in found] == [dead.pk]
    owner.post(url, {"action": "replay", "_selected_action": [dead.pk]})
    dead.refresh_from_db()
    assert dead.state == "PENDING"


def test_a_failing_delivery_shows_when_it_is_tried_again_and_can_be_tried_now(
    owner: Client, endpoint: WebhookEndpoint, broker: Any
) -> None:
    assert send(endpoint, sign_v2()) == 200
    row = WebhookDelivery.objects.get()
    assert "Replay now" not in owner.get(page_of(row)).content.decode()
    at = timezone.localtime().replace(hour=23, minute=59, second=0, microsecond=0)
    WebhookDelivery.objects.update(
        attempts=2,
        next_attempt_at=at,
        enqueued_at=None,
        last_error="Raised: shop.keys (LookupError)",
    )
    listed = owner.get(reverse("admin:pandabase_webhookdelivery_changelist")).content.decode()
    for shown in (listed, owner.get(page_of(row)).content.decode()):
        assert "Failing, next try 11:59 PM" in shown
        assert "shop.keys (LookupError)" in shown
    assert "Replay now" in owner.get(page_of(row)).content.decode()
    WebhookDelivery.objects.update(next_attempt_at=None)
    listed = owner.get(reverse("admin:pandabase_webhookdelivery_changelist")).content.decode()
    assert "Failing<" in listed
    press(owner, row, "replay")
    row.refresh_from_db()
    assert row.next_attempt_at is not None
    assert row.next_attempt_at <= timezone.now()


def test_the_tokens_page_offers_what_its_refusals_cost(
    owner: Client, endpoint: WebhookEndpoint, token: ApiToken
) -> None:
    label = "Replay the deliveries that were refused with it"
    assert label not in owner.get(page_of(token)).content.decode()
    assert send(endpoint, sign_v2()) == 200
    WebhookDelivery.objects.update(
        state="DEAD", last_error="No (HTTP 401)", finished_at=timezone.now(), next_attempt_at=None
    )
    ApiToken.objects.update(secret_set_at=timezone.now(), health="OK")
    assert label in owner.get(page_of(token)).content.decode()
    press(owner, token, "replay_refused")
    assert WebhookDelivery.objects.get().state == "PENDING"
