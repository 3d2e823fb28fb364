"""However often people press, one message waits for each store and resource, and each expires."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils import timezone

from pandabase_django import tasks
from pandabase_django.models import ApiToken, Order, SyncRun
from pandabase_django.services.sync.runs import MIRRORED
from tests.admin.conftest import Login
from tests.brokers import broker_at

pytestmark = pytest.mark.django_db(transaction=True)

WAITS = "A sync is waiting already."


def url(name: str, pk: Any) -> str:
    return reverse(f"admin:pandabase_{name}", args=[quote(str(pk))])


def ended_run(token: ApiToken, **values: Any) -> SyncRun:
    return SyncRun.objects.create(
        store=token.store,
        resource="orders",
        state="FAILED",
        trigger="SCHEDULE",
        started_at=timezone.now(),
        heartbeat_at=timezone.now(),
        **values,
    )


def sync_button(token: ApiToken) -> str:
    return url("store_sync", token.store_id)


def retry_button(token: ApiToken) -> str:
    return url("syncrun_retry", ended_run(token).pk)


def retry_of_a_full_pass(token: ApiToken) -> str:
    return url("syncrun_retry", ended_run(token, full=True).pk)


def fetch_button(token: ApiToken) -> str:
    return url("requestlog_fetch", token.store_id)


BUTTONS = [sync_button, retry_button, retry_of_a_full_pass, fetch_button]


def drain(broker: Any) -> list[Any]:
    found = []
    while (message := broker()) is not None:
        found.append(message)
    return found


def assert_expires_within_an_hour(messages: list[Any]) -> None:
    assert messages
    limit = timezone.now() + timedelta(hours=1)
    for message in messages:
        assert datetime.fromisoformat(message.headers["expires"]) <= limit


@pytest.mark.parametrize("button", BUTTONS)
def test_a_second_click_says_that_one_waits(
    token: ApiToken, login: Login, broker: Any, button: Callable[[ApiToken], str]
) -> None:
    target, client = button(token), login(superuser=True)
    assert "handed to the workers" in client.post(target, follow=True).content.decode()
    assert_expires_within_an_hour(drain(broker))
    shown = client.post(target, follow=True).content.decode()
    assert WAITS in shown
    assert "handed to the workers" not in shown
    assert drain(broker) == []


@pytest.mark.parametrize("button", BUTTONS)
def test_what_the_broker_refused_does_not_count_as_waiting(
    token: ApiToken, login: Login, broker: Any, button: Callable[[ApiToken], str]
) -> None:
    target, client = button(token), login(superuser=True)
    with broker_at("redis://127.0.0.1:9/0"):
        shown = client.post(target, follow=True).content.decode()
    assert "The broker does not answer" in shown
    assert "handed to the workers" in client.post(target, follow=True).content.decode()
    assert drain(broker)


def test_the_action_of_the_list_asks_once_for_each_store(
    token: ApiToken, login: Login, broker: Any
) -> None:
    client = login(superuser=True)
    listed = reverse("admin:pandabase_store_changelist")
    data = {"action": "sync_now", "_selected_action": [token.store_id]}
    client.post(listed, data)
    assert len(drain(broker)) == len(MIRRORED)
    assert WAITS in client.post(listed, data, follow=True).content.decode()
    assert drain(broker) == []


def test_one_resource_that_waits_does_not_keep_the_other_from_being_asked_for(
    token: ApiToken, login: Login, broker: Any
) -> None:
    tasks.enqueue_sync([token.store_id], ["orders"], trigger="ADMIN")
    drain(broker)
    shown = login(superuser=True).post(sync_button(token), follow=True).content.decode()
    assert "handed to the workers" in shown
    asked = [m.headers["task"] for m in drain(broker)]
    assert "pandabase.sync_products" in asked
    assert "pandabase.sync_orders" not in asked


def test_the_refresh_of_a_row_expires(mirrored: ApiToken, login: Login, broker: Any) -> None:
    order = Order.objects.order_by("pk")[0]
    login(superuser=True).post(url("order_refresh", order.pk))
    assert_expires_within_an_hour(drain(broker))


def test_asking_says_what_came_of_it(token: ApiToken, broker: Any) -> None:
    def ask() -> tasks.Sent:
        return tasks.enqueue_sync([token.store_id], ["products"], trigger="ADMIN")

    with broker_at("redis://127.0.0.1:9/0"):
        assert ask() is tasks.Sent.REFUSED
    assert ask() is tasks.Sent.SENT
    assert ask() is tasks.Sent.WAITS_ALREADY
