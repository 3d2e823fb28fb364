"""What an event says beside its order: metadata, custom fields, a subscription."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import Any

import pytest

from pandabase_django.events import Event, on_event
from pandabase_django.models import Order, Store
from pandabase_django.services.webhooks.process import event_of, process_delivery
from tests.webhooks.conftest import Arrive

pytestmark = pytest.mark.django_db


def told(arrive: Arrive, event: str, **options: Any) -> Event:
    return event_of(arrive("", event, **options))


@pytest.mark.fact(49)
def test_a_subscription_is_read(arrive: Arrive) -> None:
    seen: list[Event] = []
    on_event("SUBSCRIPTION_RENEWED")(seen.append)
    process_delivery(arrive("", "SUBSCRIPTION_RENEWED").pk)
    subscription = seen[0].subscription
    assert subscription is not None
    assert (subscription.id, subscription.status) == ("sub_1", "ACTIVE")
    assert (subscription.billing_interval, subscription.amount_minor) == ("MONTHLY", 2900)
    assert subscription.currency == "USD"
    charge = datetime(2026, 12, 14, 12, 34, 56, tzinfo=timezone.utc)
    assert subscription.next_charge_at == subscription.current_period_end == charge
    assert subscription.current_period_start == datetime(
        2026, 11, 14, 12, 34, 56, tzinfo=timezone.utc
    )
    assert subscription.trial_end is subscription.cancelled_at is None
    assert subscription.quantity is subscription.ends_at is None


@pytest.mark.fact(48)
def test_what_the_remotes_own_form_has_more_is_read_as_well(arrive: Arrive) -> None:
    more = {
        "quantity": 3,
        "endsAt": "2026-12-14T00:00:00.000Z",
        "pausedAt": "2026-11-20T00:00:00.000Z",
        "retryCount": 2,
        "product": {"id": "prd_1", "title": "Pro Plan", "price": 2900},
        "customer": {"id": "cus_1", "email": "buyer@example.com"},
        "paymentMethod": {"id": "pmm_1", "brand": "canary", "lastFour": "canary"},
    }
    event = told(arrive, "SUBSCRIPTION_CANCELLED", **more)
    found = event.subscription
    assert found is not None
    assert (found.quantity, found.product_id, found.customer_id) == (3, "prd_1", "cus_1")
    assert found.ends_at == datetime(2026, 12, 14, tzinfo=timezone.utc)
    assert found.paused_at == datetime(2026, 11, 20, tzinfo=timezone.utc)
    assert event.payload["data"]["subscription"]["retryCount"] == 2
    assert "canary" not in repr(event.payload)


@pytest.mark.parametrize("odd", [None, {}, [], "sub_1", 7])
def test_an_event_about_no_subscription_has_none(arrive: Arrive, odd: Any) -> None:
    event = event_of(arrive("ord_1", "PAYMENT_COMPLETED"))
    event.payload["data"]["subscription"] = odd
    assert event.subscription is None


@pytest.mark.fact(39)
def test_metadata_and_custom_fields_of_an_order_arrive(arrive: Arrive) -> None:
    fields = {"Nickname": "игрок", "Newsletter": True, "Nothing": None}
    event = told(arrive, "PAYMENT_COMPLETED", metadata={"user": "42"}, customFields=fields)
    assert event.metadata == {"user": "42"}
    assert event.custom_fields == {"Nickname": "игрок", "Newsletter": "true"}
    assert "left_out" not in event.payload


def test_and_of_a_subscription(arrive: Arrive) -> None:
    event = told(arrive, "SUBSCRIPTION_CREATED", metadata={"user": "42"})
    assert event.metadata == {"user": "42"}
    assert event.custom_fields == {}


@pytest.mark.fact(39)
def test_the_largest_metadata_arrives_whole(arrive: Arrive) -> None:
    largest = {f"{number:02}".rjust(40, "k"): "é" * 500 for number in range(20)}
    assert told(arrive, "PAYMENT_COMPLETED", metadata=largest).metadata == largest


@pytest.mark.parametrize(
    ("metadata", "kept", "said"),
    [
        ({"a": "x" * 501, "b": "1"}, {"b": "1"}, "metadata.a: longer than 500 characters"),
        ({"k" * 41: "x", "b": "1"}, {"b": "1"}, "metadata: a key longer than 40 characters"),
        ({"a": {"line1": "x"}, "b": "1"}, {"b": "1"}, "metadata.a: not a text"),
        ({"a": ["x"], "b": "1"}, {"b": "1"}, "metadata.a: not a text"),
        (["x"], {}, "metadata: not an object"),
        ("x" * 9000, {}, "metadata: not an object"),
        (
            {str(number): "x" for number in range(30)},
            {str(number): "x" for number in range(20)},
            "metadata: keys after the first 20",
        ),
    ],
)
def test_what_is_too_large_is_left_out_and_said(
    arrive: Arrive, caplog: pytest.LogCaptureFixture, metadata: Any, kept: Any, said: str
) -> None:
    with caplog.at_level(logging.WARNING):
        event = told(arrive, "PAYMENT_COMPLETED", metadata=metadata)
    assert event.metadata == kept
    assert event.payload["left_out"] == [said]
    assert said in caplog.text


def test_metadata_elsewhere_is_not_kept(arrive: Arrive) -> None:
    event = told(
        arrive,
        "PAYMENT_COMPLETED",
        payment={"id": "pay_1", "metadata": {"x": "canary"}},
        items=[{"id": "itm_1", "metadata": {"x": "canary"}}],
    )
    assert "canary" not in repr(event.payload)


def test_a_mirrored_order_has_metadata_and_custom_fields() -> None:
    store = Store(pk="shp_1")
    order = Order(pk="ord_1", store=store, payload={"metadata": {"a": "1", "b": 2, "c": None}})
    assert (order.metadata, order.custom_fields) == ({"a": "1", "b": "2"}, {})
    order.payload = {"customFields": {"Nickname": "x"}, "metadata": ["odd"]}
    assert (order.metadata, order.custom_fields) == ({}, {"Nickname": "x"})
