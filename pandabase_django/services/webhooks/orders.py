"""Fetches one order because a delivery named it, or a person asked for it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from pandabase_django.exceptions import ProtocolError
from pandabase_django.models import Order, Store, SyncCursor
from pandabase_django.models.sync import Resource
from pandabase_django.services.clients import client_for
from pandabase_django.services.sync.details import Detailed, mark_dirty, write_details
from pandabase_django.services.sync.journal import Journal

__all__ = ["fetch_order"]


def fetch_order(store: Store, order_id: str, *, delivery_id: str = "", user_id: Any = None) -> None:
    """Mark an order dirty, fetch its detail form and write it; insert it when it is new.

    When the fetch fails the order stays dirty, and the next sync reads it too.

    Args:
        store: Whose order it is.
        order_id: The remote's id.
        delivery_id: Noted with the rows that are written.
        user_id: Noted too: who asked for the order to be read again.

    Raises:
        PandabaseError: The order could not be read.
        ConfigurationError: The store has no active token.
    """
    rows = Order.objects.filter(pk=order_id, store=store)
    mark_dirty(rows)
    mark = rows.values_list("dirty_mark", flat=True).first()
    asked_at = timezone.now()
    with client_for(store) as client:
        answer = client.orders.get(order_id)
    if answer.id != order_id:
        raise ProtocolError(f"Order {order_id} came back as {answer.id}.")
    silent = not SyncCursor.objects.filter(
        store=store, resource=Resource.ORDERS, first_completed_at__isnull=False
    ).exists()
    with transaction.atomic():
        if mark is None:
            # A row to lock: of two workers that both found none, the older answer must not win.
            now = timezone.now()
            row, created = Order.objects.get_or_create(
                pk=order_id,
                defaults={
                    "store": store,
                    "status": answer.status or "",
                    "created_at": answer.created_at,
                    "first_seen_at": now,
                    "synced_at": now,
                },
            )
            if row.store_id != store.pk:
                raise ProtocolError(f"Order {order_id} belongs to store {row.store_id} already.")
            mark = row.dirty_mark if created else None
        if mark is not None:
            outcome = write_details(
                [Detailed(order=answer, mark=mark, asked_at=asked_at)],
                store_id=store.pk,
                silent=silent,
            )
            journal = Journal(store_id=store.pk, delivery_id=delivery_id, user_id=user_id)
            journal.wrote(outcome.changes)
            journal.buried(outcome.buried)
            return
    # Somebody inserted it meanwhile, maybe from a newer state: ask again, now with a mark.
    fetch_order(store, order_id, delivery_id=delivery_id, user_id=user_id)
