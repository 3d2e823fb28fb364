"""Reads one subscription again, since an event names it or something was done to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pandabase_django.models import Store
from pandabase_django.services.purchases.subscriptions import find_subscriptions
from pandabase_django.services.sync.access.subscriptions import SUBSCRIPTIONS
from pandabase_django.services.sync.single import fetch_row

__all__ = ["fetch_subscription"]


def fetch_subscription(
    store: Store,
    subscription_id: str,
    *,
    delivery_id: str = "",
    user_id: Any = None,
    while_waiting: Callable[[], None] = lambda: None,
) -> None:
    """Fetch a subscription and write it; insert it when it is new.

    Args:
        store: Whose it is.
        subscription_id: The remote's id.
        delivery_id: Noted with the row.
        user_id: Noted too.
        while_waiting: Called each second while the answer is waited for.

    Raises:
        PandabaseError: It could not be read.
        ConfigurationError: The store has no active token.
    """
    answer = fetch_row(
        store,
        SUBSCRIPTIONS,
        subscription_id,
        delivery_id=delivery_id,
        user_id=user_id,
        while_waiting=while_waiting,
    )
    if answer.customer_id:
        # After the commit: an order that was written at the same time is seen now.
        find_subscriptions(store.pk, customers=[answer.customer_id])
