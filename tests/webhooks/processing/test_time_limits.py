"""A soft time limit ends the task in the middle of a handler; the delivery is not lost by that."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from pandabase_django import signals, tasks
from pandabase_django.events import on_event
from pandabase_django.models import WebhookDelivery
from tests.conftest import store
from tests.webhooks.conftest import Arrive

__all__ = ["store"]

pytestmark = pytest.mark.django_db


def _strike(*args: Any, **kwargs: Any) -> NoReturn:
    raise SoftTimeLimitExceeded


@pytest.mark.parametrize("place", ["handler", "receiver"])
def test_a_limit_inside_the_shops_code_ends_the_task_and_the_delivery_comes_again(
    arrive: Arrive, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = arrive("ord_that_is_not_there", event="UNHEARD_OF")
    if place == "handler":
        on_event("UNHEARD_OF")(_strike)
    else:
        signals.webhook_received.connect(_strike)
    try:
        with pytest.raises(SoftTimeLimitExceeded):
            tasks.process_webhook.apply(args=[delivery.pk]).get()
    finally:
        signals.webhook_received.disconnect(_strike)
    row = WebhookDelivery.objects.get(pk=delivery.pk)
    assert (row.state, row.attempts) == ("PENDING", 1)
    assert "SoftTimeLimitExceeded" in row.last_error
