"""Reads one row again: a person asked for it, or a delivery named it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from pandabase_django.exceptions import ObjectNotFound, ProtocolError
from pandabase_django.models import Order, Product, Store, SyncCursor, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.clients import client_for
from pandabase_django.services.sync import lease as leases
from pandabase_django.services.sync.catalog import bury_one, write_one
from pandabase_django.services.sync.details import Detailed, mark_dirty, write_details
from pandabase_django.services.sync.journal import Journal
from pandabase_django.services.sync.paging import Reader
from pandabase_django.services.sync.recorder import Recorder
from pandabase_django.services.sync.sweep import SyncContext

__all__ = ["fetch_order", "refresh_row"]


def refresh_row(model_name: str, pk: str, *, user_id: Any = None) -> None:
    """Make one order or product equal the remote's, and note who asked for it.

    Args:
        model_name: ``order`` or ``product``.
        pk: The row; nothing happens when it is not here.
        user_id: Who asked.

    Raises:
        LeaseHeld: A sync of the products is under way, and will read it.
        PandabaseError: The remote could not be asked.
        ConfigurationError: The store has no active token.
    """
    if model_name == "order":
        order = Order.objects.select_related("store").filter(pk=pk).first()
        if order is not None:
            fetch_order(order.store, pk, user_id=user_id)
    elif model_name == "product":
        product = Product.objects.select_related("store").filter(pk=pk).first()
        if product is not None:
            _refresh_product(product.store, pk, user_id=user_id)


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
        leases.limit_idling()
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


def _refresh_product(store: Store, pk: str, *, user_id: Any) -> None:
    lease = leases.acquire(store_id=store.pk, resource=Resource.PRODUCTS)
    try:
        cursor = SyncCursor.objects.get(pk=lease.cursor_id)
        now = timezone.now()
        run = SyncRun(  # counts, and is not kept
            store=store,
            resource=Resource.PRODUCTS,
            trigger=SyncRun.Trigger.ADMIN,
            started_at=now,
            heartbeat_at=now,
            first=cursor.first_completed_at is None,
        )
        recorder = Recorder(
            run,
            on_progress=lambda run: None,
            journal=Journal(store_id=store.pk, user_id=user_id),
        )
        reader: Reader[Any]
        with (
            client_for(store, pool_size=1) as client,
            Reader(concurrency=1, while_waiting=lease.guard) as reader,
        ):
            context = SyncContext(
                store=store,
                client=client,
                reader=reader,
                cursor=cursor,
                lease=lease,
                recorder=recorder,
                full=False,
                dry_run=False,
            )
            try:
                item = reader.one(lambda: client.products.get(pk))
            except ObjectNotFound:
                # The proof that a sweep asks for as well: another GET must work.
                reader.one(lambda: client.products.list(page=1, limit=1))
                bury_one(context, pk)
            else:
                write_one(context, item)
    finally:
        lease.release()
