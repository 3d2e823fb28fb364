"""What becomes of deliveries and of the shop's own code is counted where it happens."""

from __future__ import annotations

from typing import Any

import pytest

from pandabase_django import signals
from pandabase_django.events import on_event
from pandabase_django.models import SyncRun
from pandabase_django.observing.logs import about
from pandabase_django.services.webhooks.process import process_delivery
from tests.observing.scraping import delta, numbers
from tests.webhooks.conftest import Arrive, arrive, endpoint, store, url
from tests.webhooks.processing.conftest import make_due

__all__ = ["arrive", "endpoint", "store", "url"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("counted", "no_others")]

HERE = f"{__name__}."


def broken(*_: Any, **__: Any) -> None:
    raise RuntimeError("sk_canary of ada@example.org")


class Receiver:
    def receive(self, **_: Any) -> None:
        raise RuntimeError("sk_canary")

    def __repr__(self) -> str:
        return "sk_canary"


def test_deliveries_are_counted_by_how_they_end(arrive: Arrive) -> None:
    before = numbers()
    on_event("SUBSCRIPTION_RENEWED")(broken)
    failing = arrive("", "SUBSCRIPTION_RENEWED")
    process_delivery(arrive("", "SUBSCRIPTION_PAUSED").pk)
    process_delivery(arrive("", "BRAND_NEW").pk)
    assert delta(before, "pandabase_deliveries_ended_total") == {("PROCESSED",): 1, ("IGNORED",): 1}
    for _ in range(8):
        process_delivery(failing.pk)
        make_due()
    assert delta(before, "pandabase_deliveries_ended_total")["DEAD",] == 1
    failures = delta(before, "pandabase_handler_failures_total")
    assert failures == {(f"{HERE}broken", "event"): 8}
    assert numbers()["pandabase_deliveries", ("dead",)] == 1


def test_a_receiver_is_named_by_its_code_and_never_by_its_words(arrive: Arrive) -> None:
    before, receiver = numbers(), Receiver().receive
    signals.webhook_received.connect(receiver)
    try:
        process_delivery(arrive("", "SUBSCRIPTION_PAUSED").pk)
    finally:
        signals.webhook_received.disconnect(receiver)
    signals.sync_finished.connect(receiver)
    try:
        with about(store="shp_1"):
            signals.send(signals.sync_finished, sender=SyncRun, run=SyncRun())
    finally:
        signals.sync_finished.disconnect(receiver)
    found = delta(before, "pandabase_handler_failures_total")
    assert found == {(f"{HERE}Receiver.receive", "receiver"): 2}
