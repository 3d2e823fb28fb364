"""A broker that refuses is told of at once, and each of its addresses is tried."""

from __future__ import annotations

import time
from typing import Any

from pandabase_django import tasks
from pandabase_django.tasks.broker import enqueue
from tests.brokers import broker_at

KOMBU_WAITS = 5  # seconds at least, until it gives an address up by itself


def test_nobody_waits_for_a_broker_that_refuses(dead_broker: None) -> None:
    began = time.monotonic()
    assert not enqueue(tasks.sync_all)
    assert time.monotonic() - began < KOMBU_WAITS


def test_a_message_goes_to_the_address_that_answers(broker: Any) -> None:
    # Kombu keeps its connections by the first address: this is another one than above.
    with broker_at("redis://127.0.0.1:7/0;redis://127.0.0.1:9/0;memory://"):
        began = time.monotonic()
        assert enqueue(tasks.sync_all)
        assert time.monotonic() - began < KOMBU_WAITS
    message = broker()
    assert message.headers["task"] == tasks.sync_all.name
