"""An event has the subscription read again that it names, though it names no order."""

from __future__ import annotations

import pytest

from pandabase_django.events import Event, on_event
from pandabase_django.models import RowChange, Store, Subscription
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
    assert process_delivery(arrive("", "SUBSCRIPTION_CANCELLED", id=made).pk).finished == 1
    assert [event.subscription.id for event in seen if event.subscription] == [made]
    assert not Subscription.objects.exists()


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
