"""The pages of usage records."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pandabase_django.models import Store, Subscription, UsageRecord
from pandabase_django.usage import record_usage

pytestmark = pytest.mark.django_db


@pytest.fixture
def record(store: Store) -> UsageRecord:
    now = timezone.now()
    one = Subscription.objects.create(
        pk="sub_one", store=store, first_seen_at=now, synced_at=now, payload={}
    )
    row = record_usage(one, "tokens", 12_345, at=now - timedelta(days=40))
    UsageRecord.objects.filter(pk=row.pk).update(
        state="REJECTED", reason="event_at is before the current period", settled_at=now
    )
    return row


def _browser(*codenames: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    browser = Client()
    browser.force_login(user)
    return browser


def _url(part: str, *args: Any) -> str:
    return reverse(f"admin:pandabase_usagerecord_{part}", args=args)


def _form(browser: Client, part: str, record: UsageRecord, **values: Any) -> Any:
    page = browser.get(_url(part, record.pk))
    nonce = page.context["form"]["nonce"].value()
    return browser.post(_url(part, record.pk), {"nonce": nonce, **values}, follow=True)


def test_rejected_usage_says_why_and_who_may_not_correct_it_sees_no_way(
    record: UsageRecord,
) -> None:
    browser = _browser("view_usagerecord")
    listed = browser.get(_url("changelist"), {"state": "REJECTED"}).content.decode()
    assert "event_at is before the current period" in listed
    assert "sub_one" in browser.get(_url("changelist"), {"q": "sub_one"}).content.decode()
    page = browser.get(_url("change", record.pk)).content.decode()
    assert "Pandabase rejected this" in page
    assert "12,345" in page
    for part in ("correct", "drop"):
        assert _url(part, record.pk) not in page
        assert browser.get(_url(part, record.pk)).status_code == 403
        assert browser.post(_url(part, record.pk)).status_code == 403
    assert browser.post(_url("again", record.pk)).status_code == 403
    exported = browser.get(_url("export")).getvalue().decode()
    assert record.external_id in exported


def test_it_is_corrected_once_and_the_history_says_what_it_was(record: UsageRecord) -> None:
    browser = _browser("view_usagerecord", "correct_usagerecord")
    now = timezone.localtime()
    values = {
        "event": "tokens",
        "quantity": "12000",
        "at_0": f"{now:%Y-%m-%d}",
        "at_1": f"{now:%H:%M:%S}",
        "reason": "counted twice",
    }
    wrong = _form(browser, "correct", record, **{**values, "event": "a b", "quantity": "-1"})
    assert wrong.context["form"].errors.keys() == {"event", "quantity"}
    page = browser.get(_url("correct", record.pk))
    nonce = page.context["form"]["nonce"].value()
    for expected in ("It is sent within a minute", "Nothing was done"):
        answer = browser.post(_url("correct", record.pk), {"nonce": nonce, **values}, follow=True)
        assert expected in answer.content.decode()
    record.refresh_from_db()
    assert (record.state, record.quantity, record.is_corrected) == ("PENDING", 12_000, True)
    assert abs(record.at - now) < timedelta(seconds=2)
    note = LogEntry.objects.get().change_message
    assert "12345" in note
    assert "counted twice" in note


def test_it_is_dropped_with_a_reason_or_sent_again(record: UsageRecord) -> None:
    browser = _browser("view_usagerecord", "correct_usagerecord")
    assert (
        "1 usage record is sent again"
        in browser.post(_url("again", record.pk), follow=True).content.decode()
    )
    record.refresh_from_db()
    assert record.state == "PENDING"
    data = {"action": "send_again", "_selected_action": [record.pk]}
    again = browser.post(_url("changelist"), data, follow=True).content.decode()
    assert "Nothing was done" in again
    assert "sent again within" not in again
    assert browser.get(_url("drop", record.pk)).status_code == 302
    UsageRecord.objects.update(state="REJECTED")
    browser.post(_url("changelist"), data)
    record.refresh_from_db()
    assert record.state == "PENDING"
    UsageRecord.objects.update(state="REJECTED")
    assert _form(browser, "drop", record).context["form"].errors.keys() == {"reason"}
    _form(browser, "drop", record, reason="a goodwill gesture")
    record.refresh_from_db()
    assert (record.state, record.reason) == ("DROPPED", "a goodwill gesture")
