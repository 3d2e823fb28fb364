"""Usage that was sent, waits, and was rejected."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from pandabase_django.models import Store, Subscription
from pandabase_django.services.sync.access.refreshing import fetch_subscription
from pandabase_django.usage import record_usage, send_usage
from tests.browser.seed.remote import change

__all__ = ["fill_usage"]


def fill_usage(remote: dict[str, Any], store: Store) -> None:
    """A meter that counts, one that the product does not have, and a time that is to come."""
    (pk,) = change(remote, "create_subscription", customer=5, product=0)
    change(remote, "create_meter", product=0, event="output_tokens", fields={"unitPrice": 3})
    fetch_subscription(store, pk)
    subscription = Subscription.objects.get(pk=pk)
    for number in range(3):
        record_usage(subscription, "output_tokens", 1_250 * (number + 1), key=f"answer-{number}")
    record_usage(subscription, "downloads", 4)
    send_usage(store)
    later = timezone.now() + timedelta(hours=2)
    record_usage(subscription, "output_tokens", 90_000, key="nightly", at=later)
