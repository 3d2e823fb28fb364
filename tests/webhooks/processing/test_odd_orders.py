"""Deliveries that name an order by an odd id: fetched if a path can hold it, else no retries."""

from __future__ import annotations

from typing import Any

import pytest

from pandabase_django.events import Event, on_event
from pandabase_django.models import Order, OrderItem, Store, WebhookDelivery
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.webhooks.process import process_delivery
from pandabase_django.services.webhooks.queue import replay
from tests.conftest import store
from tests.webhooks.conftest import Arrive
from tests.webhooks.sender import payload_of, sign_v2

__all__ = ["store"]

pytestmark = pytest.mark.django_db

FIT = ("ord:1", "ord 1", "ord/../x", "ord+1=", "örd", "a%2Fb", "x?y#z", '_5F"<b>', "...", "%2e%2e")
UNFIT = ("", ".", "..", "a\x00b", "a\nb", "x" * 129, "x" * 5000, 7, True, ["ord_1"], {"id": "ord"})


@pytest.mark.parametrize("name", FIT)
def test_an_order_with_an_odd_id_is_fetched_before_its_handlers_are_called(
    sandbox: Sandbox, store: Store, arrive: Arrive, name: str
) -> None:
    seen: list[tuple[str, str]] = []

    @on_event("PAYMENT_COMPLETED")
    def hand_out(event: Event) -> None:
        assert event.order is not None
        seen.append((event.order_id, event.order.pk))

    (old,) = sandbox.change([{"op": "create_order", "status": "COMPLETED"}])[:1]
    sandbox.change([{"op": "rename_order", "id": old, "to": name}])
    delivery = arrive(name)
    assert delivery.order_id == name
    assert process_delivery(delivery.pk).finished == 1
    assert seen == [(name, name)]
    assert Order.objects.filter(pk=name, store=store, dirty=False).exists()
    assert OrderItem.objects.filter(order_id=name).exists()


@pytest.mark.parametrize("name", UNFIT, ids=repr)
def test_an_order_whose_id_no_path_can_hold_is_tried_once(
    sandbox: Sandbox, store: Store, url: str, name: Any
) -> None:
    called: list[str] = []

    @on_event("PAYMENT_COMPLETED")
    def hand_out(event: Event) -> None:
        called.append(event.id)

    payload = payload_of("PAYMENT_COMPLETED", event_id="evt_1", order_id="ord_1")
    payload["data"]["order"]["id"] = name
    assert sign_v2(payload).post(url).status_code == 200
    delivery = WebhookDelivery.objects.get()
    since = sandbox.requests_served
    for attempt in (1, 2):
        assert process_delivery(delivery.pk).dead == 1
        delivery.refresh_from_db()
        assert (delivery.state, delivery.next_attempt_at) == ("DEAD", None)
        assert delivery.last_error.startswith("The event names its order ")
        assert "no request can ask for such an id" in delivery.last_error
        if attempt == 1:
            replay([delivery.pk])
    assert sandbox.requests_served == since
    assert called == []


@pytest.mark.parametrize("order", [{}, None, [], {"id": None}, {"orderNumber": "1"}])
def test_an_event_that_names_no_order_reaches_its_handlers(
    sandbox: Sandbox, store: Store, url: str, order: Any
) -> None:
    payload = payload_of("PAYMENT_COMPLETED", event_id="evt_1", order_id="ord_1")
    payload["data"]["order"] = order
    assert sign_v2(payload).post(url).status_code == 200
    assert process_delivery(WebhookDelivery.objects.get().pk).finished == 1
