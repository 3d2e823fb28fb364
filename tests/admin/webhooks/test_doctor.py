"""Why deliveries were refused, as people read it."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import WebhookEndpoint
from tests.admin.webhooks.pages import page_of, send
from tests.webhooks.sender import sign_v1, sign_v2

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_refused", "broker")]


def test_the_doctor_tells_each_reason_apart_and_what_to_do(
    owner: Client, endpoint: WebhookEndpoint
) -> None:
    at = timezone.now().timestamp()
    for number in range(3):
        assert send(endpoint, sign_v2(at=at - 432 - number)) == 401
    assert send(endpoint, sign_v2(at=at + 7300)) == 401
    wrong = "whsec_" + "A" * 32
    assert send(endpoint, sign_v2(secret=wrong)) == 401
    altered = sign_v2()
    altered.body = json.dumps(json.loads(altered.body), indent=1).encode()
    assert send(endpoint, altered) == 401
    assert send(endpoint, sign_v1()) == 401
    unsigned = sign_v2()
    del unsigned.headers["Webhook-Signature"]
    assert send(endpoint, unsigned) == 401
    page = owner.get(page_of(endpoint, "doctor")).content.decode()
    for text in (
        "8 deliveries were refused",
        "7 min 1[3-5] s behind this server",
        "It is always about that much: one of the clocks is wrong.",
        "2 h 1 min ahead of this server",
        "they can&#x27;t be distinguished",
        "JSON was written again by a proxy",
        "signed with V1",
        "allow V1 up to a date",
        "pass on all headers whose names begin with Webhook",
    ):
        assert re.search(text, page), text
    assert altered.headers["Webhook-Signature"] not in page
    listed = owner.get(reverse("admin:pandabase_webhookendpoint_changelist")).content.decode()
    assert f'<a href="{page_of(endpoint, "doctor")}">8</a>' in listed

    forget = reverse("admin:pandabase_webhookendpoint_forget")
    owner.post(forget, {"endpoint": endpoint.pk})
    assert "No delivery was refused" in owner.get(page_of(endpoint, "doctor")).content.decode()


def test_old_deliveries_sent_again_are_not_taken_for_a_wrong_clock(
    owner: Client, endpoint: WebhookEndpoint
) -> None:
    at = timezone.now().timestamp()
    for seconds in (400, 4_000, 40_000):
        send(endpoint, sign_v2(at=at - seconds))
    page = owner.get(page_of(endpoint, "doctor")).content.decode()
    assert re.search("It varies from 6 min 4[0-2] s to 11 h 6 min", page)


def test_strangers_have_a_page_of_their_own(owner: Client, endpoint: WebhookEndpoint) -> None:
    sign_v2().post("/pandabase/webhooks/" + "0" * 40)
    url = reverse("admin:pandabase_webhookendpoint_strangers")
    page = owner.get(url).content.decode()
    assert "1 delivery was refused" in page
    assert "Strangers who try addresses are counted here as well" in page
    assert url in owner.get(page_of(endpoint, "doctor")).content.decode()
    owner.post(reverse("admin:pandabase_webhookendpoint_forget"))
    assert "No delivery was refused" in owner.get(url).content.decode()
