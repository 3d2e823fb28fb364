"""Reads one subscription again, since an event names it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.database import transaction
from pandabase_django.exceptions import ProtocolError
from pandabase_django.models import Store, Subscription
from pandabase_django.services.purchases.subscriptions import find_subscriptions
from pandabase_django.services.sync.mirror.rows import row_of
from pandabase_django.services.sync.mirror.upsert import in_one_order, upsert
from pandabase_django.services.sync.run import lease as leases
from pandabase_django.services.sync.run.change_notes import ChangeNotes
from pandabase_django.services.sync.run.failures import transact
from pandabase_django.services.sync.run.reader import Reader
from pandabase_django.services.tokens.clients import client_for

__all__ = ["fetch_subscription"]


def fetch_subscription(
    store: Store,
    subscription_id: str,
    *,
    delivery_id: str = "",
    while_waiting: Callable[[], None] = lambda: None,
) -> None:
    """Fetch a subscription and write it; insert it when it is new.

    Args:
        store: Whose it is.
        subscription_id: The remote's id.
        delivery_id: Noted with the row.
        while_waiting: Called each second while the answer is waited for.

    Raises:
        PandabaseError: It could not be read.
        ConfigurationError: The store has no active token.
    """
    asked_at = timezone.now()
    reader: Reader[Any]
    with (
        client_for(store, pool_size=1) as client,
        Reader(
            concurrency=1,
            while_waiting=while_waiting,
            renew=client.renew,
            give_up=client.give_up,
        ) as reader,
    ):
        answer = reader.one(lambda: client.subscriptions.get(subscription_id))
    if answer.id != subscription_id:
        raise ProtocolError(f"Subscription {subscription_id} came back as {answer.id}.")
    notes = ChangeNotes(store_id=store.pk, delivery_id=delivery_id)
    if not transact(lambda: _write(answer, asked_at, store=store, notes=notes)):
        # Somebody wrote it meanwhile, maybe from a newer state: ask again.
        fetch_subscription(
            store, subscription_id, delivery_id=delivery_id, while_waiting=while_waiting
        )
    elif answer.customer_id:
        # After the commit: an order that was written at the same time is seen now.
        find_subscriptions(store.pk, customers=[answer.customer_id])


def _write(
    answer: schemas.Subscription, asked_at: datetime, *, store: Store, notes: ChangeNotes
) -> bool:
    """Write an answer; False when the row was written after it was asked for."""
    with transaction.atomic():
        leases.limit_idling()
        rows = in_one_order(Subscription.objects.filter(pk=answer.id, store=store))
        if any(row.synced_at > asked_at for row in rows):
            return False
        row = row_of(Subscription, answer, store_id=store.pk, now=timezone.now())
        notes.wrote(upsert(Subscription, [row]).changes)
        return True
