"""The edges: tasks, the schedule, the command, and where handlers are looked for."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from django.utils import timezone
from kombu.exceptions import OperationalError

from pandabase_django import tasks
from pandabase_django.events import Event, on_event
from pandabase_django.models import Store, WebhookDelivery, WebhookEndpoint
from pandabase_django.schedules import beat_schedule
from pandabase_django.services.webhooks import queue
from tests.parameters import at_most_999_parameters
from tests.webhooks.conftest import Arrive

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[3]


class Broker:
    """Takes messages, or refuses them."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.refuses = False

    def __call__(self, args: tuple[int], *_: Any, **__: Any) -> None:
        if self.refuses:
            raise OperationalError("no broker")
        self.taken.append(args[0])


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    """In the place of the wire to the broker; ``test_outages`` has real ones."""
    stand_in = Broker()
    monkeypatch.setattr(tasks.process_webhook, "apply_async", stand_in)
    monkeypatch.setattr(tasks.rows._Broker, "failed_at", None)
    return stand_in


def replay(*arguments: str) -> dict[str, int]:
    out = io.StringIO()
    call_command("pandabase_replay_webhooks", "--format", "json", *arguments, stdout=out)
    return dict(json.loads(out.getvalue()))


def test_every_scheduled_task_exists() -> None:
    current_app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in beat_schedule().values()}
    assert {
        "pandabase.sweep_webhooks",
        "pandabase.prune_webhooks",
        "pandabase.finish_webhook_rotations",
    } <= scheduled
    assert scheduled <= set(current_app.tasks)
    assert "pandabase.process_webhook" in current_app.tasks


def test_the_sweeper_enqueues_what_is_left(arrive: Arrive, broker: Broker) -> None:
    rows = [arrive("") for _ in range(3)]
    WebhookDelivery.objects.update(enqueued_at=None)
    assert tasks.sweep_webhooks() == 3
    assert broker.taken == [row.pk for row in rows]
    assert tasks.sweep_webhooks() == 0


def test_what_the_broker_refuses_is_left_for_the_next_sweep(arrive: Arrive, broker: Broker) -> None:
    row = arrive("")
    broker.refuses = True
    assert tasks.enqueue_delivery(row.pk) is False
    assert tasks.sweep_webhooks() == 0
    broker.refuses = False
    assert tasks.enqueue_delivery(row.pk) is False, "it is left alone for a while"
    assert broker.taken == []
    assert tasks.sweep_webhooks() == 1


def test_a_short_wait_is_enqueued_and_a_long_one_left_to_the_sweeper(
    arrive: Arrive, broker: Broker
) -> None:
    @on_event("SUBSCRIPTION_PAUSED")
    def ill(event: Event) -> None:
        raise RuntimeError

    row = arrive("", "SUBSCRIPTION_PAUSED")
    for attempt, expected in ((1, [row.pk]), (2, [row.pk] * 2), (3, [row.pk] * 2)):
        tasks.process_webhook(row.pk)
        assert broker.taken == expected, attempt
        WebhookDelivery.objects.update(next_attempt_at=timezone.now())
    broker.refuses = True
    WebhookDelivery.objects.update(attempts=0)
    tasks.process_webhook(row.pk)  # a broker that refuses is no error of the work


def test_old_deliveries_are_pruned_and_overlaps_ended(
    arrive: Arrive, endpoint: WebhookEndpoint
) -> None:
    tasks.process_webhook(arrive("").pk)
    long_ago = timezone.now() - timedelta(days=91)
    WebhookDelivery.objects.update(received_at=long_ago)
    assert tasks.prune_webhooks() == 1
    WebhookEndpoint.objects.update(previous_valid_until=long_ago)
    assert tasks.finish_webhook_rotations() == 1
    assert tasks.finish_webhook_rotations() == 0


def test_dead_letters_are_replayed_in_this_process(arrive: Arrive) -> None:
    calls: list[str] = []
    on_event("SUBSCRIPTION_PAUSED")(lambda event: calls.append(event.id))
    dead, done = arrive("", "SUBSCRIPTION_PAUSED"), arrive("", "SUBSCRIPTION_PAUSED")
    tasks.process_webhook(done.pk)
    WebhookDelivery.objects.filter(pk=dead.pk).update(state="DEAD", next_attempt_at=None)
    assert replay("--dry-run") == {"chosen": 1}
    assert calls == [done.event_id]
    assert replay() == {"chosen": 1, "failed": 0}
    assert calls == [done.event_id, dead.event_id]
    assert replay() == {"chosen": 0, "failed": 0}
    assert replay("--event-id", done.event_id) == {"chosen": 1, "failed": 0}
    assert calls == [done.event_id, dead.event_id], "a handler that is through is not called again"


def test_thousands_of_dead_letters_are_put_back_at_once(endpoint: WebhookEndpoint) -> None:
    now = timezone.now()
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            endpoint=endpoint, event_id=f"evt_{n}", event="", state="DEAD", received_at=now
        )
        for n in range(1100)
    )
    with at_most_999_parameters():
        assert len(queue.replay(queue.dead_letters())) == 1100
    assert not WebhookDelivery.objects.exclude(state="PENDING").exists()


def test_one_that_fails_again_is_told_by_the_exit_code(arrive: Arrive) -> None:
    @on_event("SUBSCRIPTION_PAUSED")
    def ill(event: Event) -> None:
        raise RuntimeError

    arrive("", "SUBSCRIPTION_PAUSED")
    WebhookDelivery.objects.update(state="DEAD", next_attempt_at=None)
    with pytest.raises(CommandError) as caught:
        replay()
    assert caught.value.returncode == 4
    assert WebhookDelivery.objects.get().state == "PENDING"


def test_an_event_that_is_not_here_and_another_store(arrive: Arrive) -> None:
    WebhookDelivery.objects.filter(pk=arrive("").pk).update(state="DEAD")
    Store.objects.create(pk="shp_other")
    assert replay("--store", "shp_other", "--dry-run") == {"chosen": 0}
    with pytest.raises(CommandError, match="shp_nobody") as unknown:
        replay("--store", "shp_nobody", "--dry-run")
    assert unknown.value.returncode == 2
    with pytest.raises(CommandError, match="evt_nobody") as caught:
        replay("--event-id", "evt_nobody")
    assert caught.value.returncode == 2


def test_a_replay_may_be_left_to_a_worker(arrive: Arrive, broker: Broker) -> None:
    row = arrive("")
    WebhookDelivery.objects.update(state="DEAD", next_attempt_at=None)
    assert replay("--enqueue") == {"chosen": 1, "enqueued": 1}
    assert broker.taken == [row.pk]
    WebhookDelivery.objects.update(state="DEAD", next_attempt_at=None)
    broker.refuses = True
    with pytest.raises(CommandError) as caught:
        replay("--enqueue")
    assert caught.value.returncode == 4
    broker.refuses = False
    assert tasks.sweep_webhooks() == 1


def test_handlers_are_found_in_every_app_by_the_name_of_their_module() -> None:
    code = (
        "import json, tests.settings as s\n"
        "s.INSTALLED_APPS.append('tests.webhooks.shop_app')\n"
        "import django; django.setup()\n"
        "from pandabase_django.events import registered_events\n"
        "print(json.dumps(registered_events()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    handler = "tests.webhooks.shop_app.pandabase_events.hand_out_key"
    assert json.loads(done.stdout) == {"PAYMENT_COMPLETED": [handler]}
