"""Reads one row again because a person asked for it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from pandabase_django.exceptions import ObjectNotFound
from pandabase_django.models import Order, Product, Store, SyncCursor, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.clients import client_for
from pandabase_django.services.sync import lease as leases
from pandabase_django.services.sync.catalog import bury_one, write_one
from pandabase_django.services.sync.journal import Journal
from pandabase_django.services.sync.paging import Reader
from pandabase_django.services.sync.recorder import Recorder
from pandabase_django.services.sync.sweep import SyncContext
from pandabase_django.services.webhooks.orders import fetch_order

__all__ = ["REFRESHABLE", "refresh_row"]

REFRESHABLE = ("order", "product")


def refresh_row(model_name: str, pk: str, *, user_id: Any = None) -> None:
    """Make one order or product equal the remote's, and note who asked for it.

    Args:
        model_name: One of ``REFRESHABLE``.
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
