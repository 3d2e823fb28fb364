"""A shop's handlers: called at least once, their database work done exactly once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.checks import run_checks
from django.db import IntegrityError, connection

from pandabase_django import signals
from pandabase_django.events import Event, on_event
from pandabase_django.models import HandledEvent, Store, WebhookDelivery
from pandabase_django.services.webhooks import queue
from pandabase_django.services.webhooks.process import event_of, process_delivery
from tests.webhooks.conftest import Arrive
from tests.webhooks.processing.conftest import make_due
from tests.webhooks.sender import SUBSCRIPTION

pytestmark = pytest.mark.django_db


def groups() -> list[str]:
    return list(Group.objects.order_by("name").values_list("name", flat=True))


def test_a_handler_gets_the_event(store: Store, arrive: Arrive) -> None:
    seen: list[Event] = []
    on_event("SUBSCRIPTION_RENEWED", "SUBSCRIPTION_CREATED")(seen.append)
    process_delivery(arrive("", "SUBSCRIPTION_RENEWED").pk)
    process_delivery(arrive("", "SUBSCRIPTION_PAUSED").pk)
    (event,) = seen
    assert (event.id, event.name, event.store_id) == ("evt_1", "SUBSCRIPTION_RENEWED", store.pk)
    assert (event.order_id, event.order) == ("", None)
    assert event.payload["data"]["subscription"] == SUBSCRIPTION
    assert event.occurred_at is not None


def test_a_handler_of_an_event_that_is_new_to_us_is_called(arrive: Arrive) -> None:
    seen: list[Event] = []
    on_event("BRAND_NEW")(seen.append)
    delivery = arrive("", "BRAND_NEW")
    process_delivery(delivery.pk)
    assert len(seen) == 1
    assert "pandabase.W009" in [message.id for message in run_checks()]


def test_what_a_handler_wrote_is_written_once_however_often_it_comes(arrive: Arrive) -> None:
    @on_event("SUBSCRIPTION_RENEWED")
    def make_group(event: Event) -> None:
        Group.objects.create(name=f"{event.id} {Group.objects.count()}")

    delivery = arrive("", "SUBSCRIPTION_RENEWED")
    for _ in range(3):
        process_delivery(delivery.pk)
        assert queue.replay([delivery.pk]) == [delivery.pk]
    assert groups() == ["evt_1 0"]
    assert HandledEvent.objects.count() == 1


def test_a_handler_that_raises_leaves_nothing_and_is_called_again_alone(
    arrive: Arrive, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []

    @on_event("SUBSCRIPTION_RENEWED")
    def well(event: Event) -> None:
        calls.append("well")

    @on_event("SUBSCRIPTION_RENEWED")
    def ill(event: Event) -> None:
        calls.append("ill")
        Group.objects.create(name=f"attempt {len(calls)}")
        if calls.count("ill") < 3:
            raise RuntimeError("canary-message")

    delivery = arrive("", "SUBSCRIPTION_RENEWED")
    for _ in range(4):
        process_delivery(delivery.pk)
        make_due()
    assert calls == ["well", "ill", "ill", "ill"]
    assert groups() == ["attempt 4"]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.last_error) == ("PROCESSED", 3, "")
    assert "canary-message" in caplog.text  # the shop's own log has the cause


def test_work_that_was_rolled_back_without_a_word_is_a_failure(arrive: Arrive) -> None:
    @on_event("SUBSCRIPTION_RENEWED")
    def make_groups(event: Event) -> None:
        for name in ("new", "known"):
            with contextlib.suppress(IntegrityError):
                Group.objects.create(name=name)

    Group.objects.create(name="known")
    delivery = arrive("", "SUBSCRIPTION_RENEWED")
    assert process_delivery(delivery.pk).failed == 1
    assert (groups(), HandledEvent.objects.count()) == (["known"], 0)
    delivery.refresh_from_db()
    assert "Catch such an error around" in delivery.last_error


def test_a_handler_that_would_never_run_is_refused() -> None:
    async def later(event: Event) -> None:
        raise AssertionError

    def bit_by_bit(event: Event) -> Iterator[None]:
        yield

    for handler in (later, bit_by_bit):
        with pytest.raises(TypeError, match=r"async function or a generator"):
            on_event("SUBSCRIPTION_RENEWED")(handler)


def test_an_exception_without_words_is_a_failure_too(arrive: Arrive) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    @on_event("SUBSCRIPTION_RENEWED")
    def ill(event: Event) -> None:
        raise Mute

    delivery = arrive("", "SUBSCRIPTION_RENEWED")
    assert process_delivery(delivery.pk).failed == 1
    delivery.refresh_from_db()
    assert "ill (Mute)" in delivery.last_error


def test_the_delivery_says_which_handler_failed_and_why_without_secrets(arrive: Arrive) -> None:
    @on_event("SUBSCRIPTION_RENEWED")
    def ill(event: Event) -> None:
        raise RuntimeError("No key left, not even\x1b[1m sk_live_canary\nDETAIL: canary")

    delivery = arrive("", "SUBSCRIPTION_RENEWED")
    assert process_delivery(delivery.pk).failed == 1
    delivery.refresh_from_db()
    assert "ill (RuntimeError: No key left, not even" in delivery.last_error
    assert "••••" in delivery.last_error
    assert "\x1b" not in delivery.last_error
    assert "canary" not in delivery.last_error


def test_a_handler_may_break_its_own_transaction(arrive: Arrive) -> None:
    @on_event("SUBSCRIPTION_RENEWED")
    def careless(event: Event) -> None:
        Group.objects.create(name="twice")
        Group.objects.create(name="twice")

    delivery = arrive("", "SUBSCRIPTION_RENEWED")
    assert process_delivery(delivery.pk).failed == 1
    assert groups() == []


def test_the_signal_tells_every_event(arrive: Arrive) -> None:
    seen: list[str] = []

    def receiver(event: Event, **_: Any) -> None:
        seen.append(event.name)

    signals.webhook_received.connect(receiver)
    try:
        for name in ("SUBSCRIPTION_RENEWED", "BRAND_NEW"):
            process_delivery(arrive("", name).pk)
    finally:
        signals.webhook_received.disconnect(receiver)
    assert seen == ["SUBSCRIPTION_RENEWED", "BRAND_NEW"]


def test_a_receiver_that_raises_is_called_again_and_once_keeps_its_work_single(
    arrive: Arrive,
) -> None:
    calls: list[bool] = []

    def receiver(event: Event, **_: Any) -> None:
        with event.once("test.receiver") as first:
            calls.append(first)
            if first:
                Group.objects.create(name="once")
        if len(calls) < 3:
            raise RuntimeError

    signals.webhook_received.connect(receiver)
    try:
        delivery = arrive("", "BRAND_NEW")
        for _ in range(3):
            process_delivery(delivery.pk)
            make_due()
    finally:
        signals.webhook_received.disconnect(receiver)
    assert calls == [True, False, False]
    assert groups() == ["once"]
    delivery.refresh_from_db()
    assert delivery.state == "IGNORED"


def test_the_same_event_at_two_endpoints_is_handled_once(
    store: Store, arrive: Arrive, endpoint: Any
) -> None:
    calls: list[str] = []

    @on_event("SUBSCRIPTION_RENEWED")
    def count(event: Event) -> None:
        calls.append(event.id)

    delivery = arrive("", "SUBSCRIPTION_RENEWED")
    copy = WebhookDelivery.objects.get(pk=delivery.pk)
    other = type(endpoint).objects.create(store=store)
    copy.pk, copy.endpoint = None, other
    copy.save(force_insert=True)
    for row in (delivery, copy):
        assert process_delivery(row.pk).finished == 1
    assert calls == ["evt_1"]


def test_registering_twice_under_one_name_is_an_error() -> None:
    def handler(event: Event) -> None: ...

    def again(event: Event) -> None: ...

    again.__qualname__ = handler.__qualname__
    on_event("PAYMENT_COMPLETED")(handler)
    on_event("PAYMENT_COMPLETED", "PAYMENT_FAILED")(handler)
    with pytest.raises(ValueError, match="already"):
        on_event("PAYMENT_COMPLETED")(again)
    with pytest.raises(TypeError):
        on_event(handler)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        on_event()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_workers_do_one_handlers_work_once(arrive: Arrive) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    started, go_on = threading.Event(), threading.Event()
    event = event_of(arrive("", "SUBSCRIPTION_RENEWED"))
    results: list[bool] = []

    def slow() -> None:
        try:
            with event.once("slow") as first:
                started.set()
                go_on.wait(10)
                results.append(first)
        finally:
            connection.close()

    def second() -> None:
        try:
            with event.once("slow") as first:
                results.append(first)
        finally:
            connection.close()

    one = threading.Thread(target=slow)
    one.start()
    assert started.wait(10)
    two = threading.Thread(target=second)
    two.start()
    go_on.set()
    one.join(10)
    two.join(10)
    assert results == [True, False]
