"""An event has the subscription read again that it names, though it names no order."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from pandabase_django.events import Event, on_event
from pandabase_django.models import RowChange, Store, Subscription, WebhookDelivery
from pandabase_django.sandbox import ALL_PERMISSIONS, Sandbox
from pandabase_django.services.webhooks.process import process_delivery
from tests.connecting import connect
from tests.webhooks.conftest import Arrive

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store(sandbox: Sandbox) -> Store:
    return connect(sandbox).store


@pytest.fixture
def made(sandbox: Sandbox) -> str:
    (pk,) = sandbox.change([{"op": "create_subscription"}])
    return pk


@pytest.mark.fact(49)
def test_the_row_is_there_and_current_before_handlers_are_called(
    sandbox: Sandbox, arrive: Arrive, made: str
) -> None:
    seen: list[str] = []

    @on_event("SUBSCRIPTION_CREATED", "SUBSCRIPTION_PAUSED")
    def look(event: Event) -> None:
        assert event.subscription is not None
        seen.append(Subscription.objects.get(pk=event.subscription.id).status)

    assert process_delivery(arrive("", "SUBSCRIPTION_CREATED", id=made).pk).finished == 1
    sandbox.change([{"op": "pause_subscription", "id": made}])
    delivery = arrive("", "SUBSCRIPTION_PAUSED", id=made)
    process_delivery(delivery.pk)
    assert seen == ["ACTIVE", "PAUSED"]
    assert RowChange.objects.filter(row_id=made, delivery_id=str(delivery.pk)).exists()


@pytest.mark.parametrize("why", ["not allowed", "not found"])
def test_what_can_not_be_read_keeps_no_handler_waiting(
    sandbox: Sandbox, arrive: Arrive, made: str, why: str
) -> None:
    seen: list[Event] = []
    on_event("SUBSCRIPTION_CANCELLED")(seen.append)
    if why == "not allowed":
        others = tuple(code for code in ALL_PERMISSIONS if code != "SUBSCRIPTIONS_READ")
        sandbox.permit_token(sandbox.hmac_token.token_id, others)
    else:
        made = "sub_nobody_knows_this_one"
    delivery = arrive("", "SUBSCRIPTION_CANCELLED", id=made)
    if why == "not found":
        # A replica may not have it yet; after a minute that is the answer.
        assert process_delivery(delivery.pk).failed == 1
        assert seen == []
        let_a_minute_pass(delivery)
    assert process_delivery(delivery.pk).finished == 1
    assert [event.subscription.id for event in seen if event.subscription] == [made]
    assert not Subscription.objects.exists()


def let_a_minute_pass(delivery: WebhookDelivery) -> None:
    now = timezone.now()
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        received_at=now - timedelta(minutes=1), next_attempt_at=now
    )


def try_again(delivery: WebhookDelivery) -> int:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now())
    return process_delivery(delivery.pk).finished


@pytest.mark.parametrize("change", ["pause_subscription", "renew_subscription"])
def test_an_answer_from_before_the_event_is_asked_for_again(
    sandbox: Sandbox, arrive: Arrive, made: str, change: str
) -> None:
    seen: list[datetime | None] = []

    @on_event("SUBSCRIPTION_PAUSED", "SUBSCRIPTION_RENEWED")
    def look(event: Event) -> None:
        assert event.subscription is not None
        row = Subscription.objects.get(pk=event.subscription.id)
        assert row.status == event.subscription.status
        seen.append(row.current_period_end)

    sandbox.set(detail_lag_seconds=30.0, lag_share=1.0)
    sandbox.change([{"op": change, "id": made}])
    row = next(row for row in sandbox.dump("subscriptions") if row["id"] == made)
    shown = ("status", "currentPeriodEnd")
    event = "SUBSCRIPTION_PAUSED" if change[0] == "p" else "SUBSCRIPTION_RENEWED"
    delivery = arrive("", event, id=made, **{name: row[name] for name in shown})
    assert process_delivery(delivery.pk).failed == 1
    delivery.refresh_from_db()
    assert delivery.last_error.startswith("The subscription is still ACTIVE: ")
    assert seen == []
    sandbox.set(detail_lag_seconds=0.0)
    assert try_again(delivery) == 1
    assert [at and at.isoformat()[:19] for at in seen] == [row["currentPeriodEnd"][:19]]


def test_one_that_changed_once_more_is_believed_after_a_minute_or_when_it_shows_to_be_later(
    sandbox: Sandbox, arrive: Arrive, made: str
) -> None:
    on_event("SUBSCRIPTION_PAUSED")(lambda event: None)
    (row,) = [row for row in sandbox.dump("subscriptions") if row["id"] == made]
    paused = {"status": "PAUSED", "currentPeriodEnd": row["currentPeriodEnd"]}
    delivery = arrive("", "SUBSCRIPTION_PAUSED", id=made, **paused)
    assert try_again(delivery) == 0
    let_a_minute_pass(delivery)
    assert try_again(delivery) == 1
    sandbox.change([{"op": "renew_subscription", "id": made}])
    assert try_again(arrive("", "SUBSCRIPTION_PAUSED", id=made, **paused)) == 1


def test_a_remote_that_is_unwell_is_asked_again(
    sandbox: Sandbox, arrive: Arrive, made: str
) -> None:
    seen: list[Event] = []
    on_event("SUBSCRIPTION_RENEWED")(seen.append)
    sandbox.fault(
        [{"match": {"method": "GET"}, "action": "status", "args": {"status": 503}, "times": 0}]
    )
    delivery = arrive("", "SUBSCRIPTION_RENEWED", id=made)
    # Takes some seconds: the client itself tries a few times.
    assert process_delivery(delivery.pk).failed == 1
    assert seen == []
