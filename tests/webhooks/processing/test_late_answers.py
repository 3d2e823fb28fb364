"""Replicas answer up to a minute late: no handler meets an order that stands before its event."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pandabase_django import signals
from pandabase_django.events import Event, on_event
from pandabase_django.models import Order, Store, SyncRun, WebhookDelivery
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.attempts.schedule import BACKOFF, MAX_ATTEMPTS
from pandabase_django.services.health.findings import Situation
from pandabase_django.services.health.report import attention
from pandabase_django.services.sync.orders.details.lateness import is_behind
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.webhooks import queue
from pandabase_django.services.webhooks.process import process_delivery
from tests.conftest import store
from tests.sync.equality import order_differences
from tests.webhooks.conftest import Arrive
from tests.webhooks.processing.conftest import make_due

__all__ = ["store"]

pytestmark = pytest.mark.django_db

NOW_MS = 1_800_000_000_000
NOW = datetime.fromtimestamp(NOW_MS / 1000, tz=timezone.utc)


def sync(store: Store) -> SyncRun:
    return sync_resource(store, resource="orders", trigger=SyncRun.Trigger.COMMAND).run


def an_order(sandbox: Sandbox, status: str) -> str:
    """An order that came to a status an hour ago."""
    sandbox.set_clock(NOW_MS - 3_600_000)
    (pk,) = sandbox.change([{"op": "create_order", "status": status}])
    sandbox.set_clock(NOW_MS)
    return pk


def late(sandbox: Sandbox, pk: str, status: str) -> None:
    """The order moves; details don't show it yet."""
    sandbox.set(detail_lag_seconds=30.0)
    sandbox.change([{"op": "set_order_status", "id": pk, "status": status}])


def catch_up(sandbox: Sandbox) -> None:
    sandbox.set(detail_lag_seconds=0.0)


def arrived(
    arrive: Arrive, pk: str, event: str, *, at: datetime | None = NOW, **fields: Any
) -> WebhookDelivery:
    delivery = arrive(pk, event, **fields)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(event_at=at)
    return delivery


@pytest.fixture
def met() -> list[tuple[str, str]]:
    """What handlers met: the event, and the order's status."""
    seen: list[tuple[str, str]] = []

    @on_event("PAYMENT_PROCESSING", "PAYMENT_COMPLETED", "PAYMENT_REFUNDED", "SUBSCRIPTION_RENEWED")
    def meet(event: Event) -> None:
        seen.append((event.name, event.order.status if event.order else ""))

    return seen


def test_a_payment_is_told_when_its_order_shows_it(
    sandbox: Sandbox, store: Store, arrive: Arrive, met: list[tuple[str, str]]
) -> None:
    pk = an_order(sandbox, "PROCESSING")
    sync(store)
    late(sandbox, pk, "COMPLETED")
    heard: list[str] = []

    def hear(event: Event, **_: Any) -> None:
        heard.append(event.name)

    signals.webhook_received.connect(hear)
    try:
        delivery = arrived(arrive, pk, "PAYMENT_COMPLETED")
        done = process_delivery(delivery.pk)
        assert (done.failed, done.retry_after_seconds) == (1, BACKOFF[0].total_seconds())
        assert (met, heard) == ([], [])
    finally:
        signals.webhook_received.disconnect(hear)
    delivery.refresh_from_db()
    assert (delivery.state, "still PROCESSING" in delivery.last_error) == ("PENDING", True)
    assert Order.objects.get(pk=pk).dirty
    catch_up(sandbox)
    make_due()
    assert process_delivery(delivery.pk).finished == 1
    assert met == [("PAYMENT_COMPLETED", "COMPLETED")]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == ("PROCESSED", "")
    sync(store)
    assert order_differences(sandbox) == []


def test_a_sync_waits_for_the_event_too(sandbox: Sandbox, store: Store, arrive: Arrive) -> None:
    """Nothing else tells it of the payment: lists are as late as the order's own answer."""
    pk = an_order(sandbox, "PROCESSING")
    sync(store)
    late(sandbox, pk, "COMPLETED")
    sandbox.set(list_lag_seconds=30.0)
    assert process_delivery(arrived(arrive, pk, "PAYMENT_COMPLETED").pk).failed == 1
    for _ in range(2):
        run = sync(store)
        assert (run.state, Order.objects.get(pk=pk).dirty) == ("PARTIAL", True)
    catch_up(sandbox)
    assert sync(store).state == "COMPLETED"
    assert Order.objects.get(pk=pk).status == "COMPLETED"


def test_an_order_that_a_late_answer_inserted_waits_for_its_event_too(
    sandbox: Sandbox, store: Store, arrive: Arrive, met: list[tuple[str, str]]
) -> None:
    sync(store)
    pk = an_order(sandbox, "PENDING")
    late(sandbox, pk, "COMPLETED")
    delivery = arrived(arrive, pk, "PAYMENT_COMPLETED")
    assert process_delivery(delivery.pk).failed == 1
    assert met == []


def test_of_two_events_the_one_that_the_order_shows_is_told(
    sandbox: Sandbox, store: Store, arrive: Arrive, met: list[tuple[str, str]]
) -> None:
    pk = an_order(sandbox, "PROCESSING")
    sync(store)
    late(sandbox, pk, "COMPLETED")
    later = arrived(arrive, pk, "PAYMENT_COMPLETED")
    arrived(arrive, pk, "PAYMENT_PROCESSING", at=NOW - timedelta(hours=1))
    done = process_delivery(later.pk)
    assert (done.finished, done.failed) == (1, 1)
    assert met == [("PAYMENT_PROCESSING", "PROCESSING")]
    catch_up(sandbox)
    make_due()
    process_delivery(later.pk)
    assert met[1:] == [("PAYMENT_COMPLETED", "COMPLETED")]


def test_an_order_that_went_on_is_told_of_what_was(
    sandbox: Sandbox, store: Store, arrive: Arrive, met: list[tuple[str, str]]
) -> None:
    pk = an_order(sandbox, "COMPLETED")
    sandbox.change([{"op": "refund_order", "id": pk}])
    hour_ago = NOW - timedelta(hours=1)
    deliveries = [
        arrived(arrive, pk, "PAYMENT_REFUNDED"),
        arrived(arrive, pk, "PAYMENT_COMPLETED", at=hour_ago),
    ]
    for delivery in deliveries:
        process_delivery(delivery.pk)
    assert met == [("PAYMENT_REFUNDED", "REFUNDED"), ("PAYMENT_COMPLETED", "REFUNDED")]
    # Days later a person replays them; the order changed in a way that no event tells.
    sandbox.set_clock(NOW_MS + 3 * 86_400_000)
    sandbox.change([{"op": "edit_order", "id": pk, "fields": {"status": "PROCESSING"}}])
    for pk_ in queue.replay([delivery.pk for delivery in deliveries]):
        process_delivery(pk_)
    states = WebhookDelivery.objects.values_list("state", flat=True)
    assert set(states) == {"PROCESSED"}


def test_an_order_that_never_shows_its_event_ends_as_a_dead_letter_with_the_reason(
    sandbox: Sandbox, store: Store, arrive: Arrive, met: list[tuple[str, str]]
) -> None:
    pk = an_order(sandbox, "PROCESSING")
    delivery = arrived(arrive, pk, "PAYMENT_COMPLETED")
    for _ in range(MAX_ATTEMPTS):
        process_delivery(delivery.pk)
        make_due()
    delivery.refresh_from_db()
    assert (delivery.state, met) == ("DEAD", [])
    assert "still PROCESSING" in delivery.last_error
    assert "webhook_dead_letters" in {finding.code for finding in attention(Situation())}
    sandbox.change([{"op": "set_order_status", "id": pk, "status": "COMPLETED"}])
    assert queue.replay([delivery.pk]) == [delivery.pk]
    assert process_delivery(delivery.pk).finished == 1
    assert met == [("PAYMENT_COMPLETED", "COMPLETED")]


def test_events_of_subscriptions_wait_for_no_order(
    sandbox: Sandbox, store: Store, arrive: Arrive, met: list[tuple[str, str]]
) -> None:
    pk = an_order(sandbox, "PENDING")
    (subscription,) = sandbox.change([{"op": "create_subscription"}])
    for order in ("", pk):
        delivery = arrived(arrive, order, "SUBSCRIPTION_RENEWED", id=order or subscription)
        assert process_delivery(delivery.pk).finished == 1
    assert met == [("SUBSCRIPTION_RENEWED", ""), ("SUBSCRIPTION_RENEWED", "PENDING")]


SECOND, HOUR, DAYS = timedelta(seconds=1), timedelta(hours=1), timedelta(days=3)


@pytest.mark.fact(27)
@pytest.mark.parametrize(
    ("event", "status", "changed", "behind"),
    [
        ("PAYMENT_PENDING", "PENDING", -HOUR, False),
        ("PAYMENT_PROCESSING", "PENDING", -HOUR, True),
        ("PAYMENT_PROCESSING", "CANCELLED", -HOUR, False),
        ("PAYMENT_COMPLETED", "PENDING", -HOUR, True),
        ("PAYMENT_COMPLETED", "PROCESSING", None, True),
        # The other clock is some seconds ahead.
        ("PAYMENT_COMPLETED", "PROCESSING", 3 * SECOND, True),
        ("PAYMENT_COMPLETED", "FAILED", -SECOND, True),
        ("PAYMENT_COMPLETED", "PROCESSING", HOUR, False),
        ("PAYMENT_COMPLETED", "COMPLETED", -DAYS, False),
        ("PAYMENT_COMPLETED", "CHARGEBACK", DAYS, False),
        ("PAYMENT_COMPLETED", "ON_HOLD", -HOUR, False),
        ("PAYMENT_FAILED", "PROCESSING", -HOUR, True),
        ("PAYMENT_FAILED", "PENDING", -SECOND, False),
        ("PAYMENT_FAILED", "CANCELLED", -HOUR, False),
        ("PAYMENT_FAILED", "COMPLETED", HOUR, False),
        ("PAYMENT_REFUNDED", "COMPLETED", -HOUR, True),
        ("PAYMENT_REFUNDED", "REFUNDED", -SECOND, False),
        ("PAYMENT_DISPUTED", "COMPLETED", -DAYS, True),
        ("PAYMENT_DISPUTED", "COMPLETED", DAYS, False),
        ("PAYMENT_DISPUTED", "COMPLETED", timedelta(0), False),
        ("PAYMENT_DISPUTED", "CHARGEBACK", -SECOND, False),
        ("PAYMENT_DISPUTE_WON", "CHARGEBACK", -DAYS, True),
        ("PAYMENT_DISPUTE_WON", "CHARGEBACK", timedelta(0), True),
        ("PAYMENT_DISPUTE_WON", "CHARGEBACK", DAYS, False),
        ("PAYMENT_DISPUTE_WON", "COMPLETED", -SECOND, False),
        ("PAYMENT_DISPUTE_LOST", "CHARGEBACK", -DAYS, False),
        ("PAYMENT_DISPUTE_PREVENTED", "CHARGEBACK", -DAYS, True),
        ("SUBSCRIPTION_RENEWED", "PENDING", -HOUR, False),
        ("BRAND_NEW", "PENDING", -HOUR, False),
    ],
)
def test_statuses_decide_where_they_can_and_times_where_both_may_be(
    event: str, status: str, changed: timedelta | None, behind: bool
) -> None:
    updated_at = None if changed is None else NOW + changed
    assert is_behind(event, status=status, event_at=NOW, updated_at=updated_at) is behind


@pytest.mark.parametrize("status", ["PENDING", "PROCESSING"])
def test_an_event_without_a_time_waits_for_the_status(status: str) -> None:
    assert is_behind("PAYMENT_COMPLETED", status=status, event_at=None, updated_at=NOW)
    assert not is_behind("PAYMENT_COMPLETED", status="REFUNDED", event_at=None, updated_at=NOW)
