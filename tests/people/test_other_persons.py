"""Of other persons and of other stores an erasure and an export leave all as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from pandabase_django.models import (
    CheckoutSession,
    Erasure,
    RemoteAction,
    RequestLog,
    Store,
    SyncRun,
    UsageRecord,
    WebhookDelivery,
    WebhookEndpoint,
)
from pandabase_django.services.people.erasing import erase_person
from pandabase_django.services.people.exporting import export_texts
from pandabase_django.services.people.finding import find_person

pytestmark = pytest.mark.django_db(transaction=True)

ANN = "ann@example.com"


@pytest.fixture
def store(db: None) -> Store:
    return Store.objects.create(pk="shp_1")


@pytest.fixture
def endpoint(store: Store) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(store=store)


def erase(store: Store, address: str = ANN) -> None:
    erase_person(store, address, source=Erasure.Source.COMMAND)


def session_of(store: Store, number: int, **fields: Any) -> CheckoutSession:
    values = {"currency": "USD", "subtotal_minor": 1, "items": []}
    return CheckoutSession.objects.create(
        store=store, expires_at=timezone.now(), public_id=f"p{number}", **values, **fields
    )


def run_of(store: Store, error: str) -> SyncRun:
    now = timezone.now()
    values = {"started_at": now, "heartbeat_at": now, "trigger": SyncRun.Trigger.COMMAND}
    return SyncRun.objects.create(store=store, resource="orders", error=error, **values)


def delivery_of(endpoint: WebhookEndpoint, number: int, **data: Any) -> WebhookDelivery:
    now = timezone.now()
    return WebhookDelivery.objects.create(
        endpoint=endpoint,
        event_id=f"evt_{number}",
        event="order.created",
        received_at=now,
        next_attempt_at=now,
        payload={"id": f"evt_{number}", "data": data},
    )


OTHERS = ["joann@example.com", "ann@example.com.au", "x.ann@example.com", "x+ann@example.com"]


@pytest.mark.parametrize("other", OTHERS)
def test_a_delivery_of_an_address_that_only_contains_it_is_not_theirs(
    store: Store, endpoint: WebhookEndpoint, other: str
) -> None:
    row = delivery_of(endpoint, 1, customer={"email": other, "name": "Jo"})
    assert find_person(store, ANN).rows[WebhookDelivery] == []
    assert "Jo" not in "".join(export_texts([store], ANN))
    before = row.payload
    erase(store)
    row.refresh_from_db()
    assert row.payload == before


def test_what_another_buyer_typed_is_not_exported_to_whom_it_is_about(
    store: Store, endpoint: WebhookEndpoint
) -> None:
    typed = {"gift for": ANN}
    delivery_of(endpoint, 1, customer={"email": "bo@example.com"}, customFields=typed)
    assert "bo@example.com" not in "".join(export_texts([store], ANN))


@pytest.mark.parametrize("other", OTHERS)
def test_texts_with_an_address_that_only_contains_it_stay(store: Store, other: str) -> None:
    row = session_of(store, 1, context={"mail": other})
    run = run_of(store, "No joann@example.com!")
    erase(store)
    row.refresh_from_db()
    run.refresh_from_db()
    assert row.context == {"mail": other}
    assert run.error == "No joann@example.com!"


def test_other_stores_are_neither_shown_nor_changed(store: Store) -> None:
    second = Store.objects.create(pk="shp_2", note=f"{ANN} rang.")
    row = session_of(second, 1, context={"mail": ANN}, return_url=f"https://a.example/?m={ANN}")
    run = run_of(second, f"No {ANN}!")
    found = json.loads("".join(export_texts([store], ANN)))["stores"][0]
    assert found["mentioned_in"] == {}
    erase(store)
    for one in (row, run, second):
        one.refresh_from_db()
    assert row.context == {"mail": ANN}
    assert row.return_url.endswith(ANN)
    assert ANN in run.error
    assert ANN in second.note
    erase(second)
    second.refresh_from_db()
    assert ANN not in second.note


def test_an_action_under_way_keeps_what_it_sends(store: Store) -> None:
    sends = {"text": f"{ANN} logged in."}
    row = RemoteAction.objects.create(
        store=store,
        what=RemoteAction.What.values[0],
        object_id="dsp_1",
        parameters=sends,
        asked_at=timezone.now(),
    )
    erase(store)
    row.refresh_from_db()
    assert row.parameters == sends
    RemoteAction.objects.update(closed_at=timezone.now(), state="DONE")
    erase(store)
    row.refresh_from_db()
    assert ANN not in row.parameters["text"]


@pytest.mark.parametrize(
    "written",
    ["ann%40example.com", "ANN%40EXAMPLE.COM", "ann@example.com", "mail%3Dann%40example.com"],
)
def test_an_address_in_the_address_of_a_page_is_found(store: Store, written: str) -> None:
    row = session_of(store, 1, return_url=f"https://a.example/?mail={written}")
    log = RequestLog.objects.create(
        store=store, id="l1", path=f"/customers?email={written}", synced_at=timezone.now()
    )
    erase(store)
    row.refresh_from_db()
    log.refresh_from_db()
    assert "example.com" not in row.return_url.lower()
    assert "example.com" not in log.path.lower()


def test_a_key_of_usage_that_is_made_of_the_address_is_erased(store: Store) -> None:
    now = timezone.now()
    row = UsageRecord.objects.create(
        store=store,
        subscription_id="sub_1",
        event="calls",
        quantity=1,
        at=now,
        key=f"answer-{ANN}-3",
        external_id="a",
        recorded_at=now,
        due_at=now,
    )
    erase(store)
    row.refresh_from_db()
    assert row.key == "answer-[erased]-3"


@pytest.mark.parametrize("written", ["Özlem@example.com", "özlem@example.com", "ÖZLEM@EXAMPLE.COM"])
def test_capitals_with_accents_are_no_other_address(
    store: Store, endpoint: WebhookEndpoint, written: str
) -> None:
    row = session_of(store, 1, context={"mail": written})
    delivery = delivery_of(endpoint, 1, customer={"email": written, "name": "Z"})
    erase(store, "özlem@example.com")
    row.refresh_from_db()
    delivery.refresh_from_db()
    assert "zlem" not in str(row.context).lower()
    assert "zlem" not in str(delivery.payload).lower()
