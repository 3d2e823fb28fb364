"""Reads one row again: a person asked for it, or a delivery named it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.utils import timezone

from pandabase_django.api import schemas
from pandabase_django.exceptions import ProtocolError
from pandabase_django.models import Order, Product, Store, SyncCursor, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.sync.catalog.products import PRODUCTS
from pandabase_django.services.sync.due.marks import mark_dirty
from pandabase_django.services.sync.mirror.writing import write_rows
from pandabase_django.services.sync.orders.details.writing import Detailed, write_details
from pandabase_django.services.sync.run import lease as leases
from pandabase_django.services.sync.run.change_notes import ChangeNotes
from pandabase_django.services.sync.run.recorder import Recorder
from pandabase_django.services.sync.run.session import opened
from pandabase_django.services.sync.single import Answer, fetch_and_write

__all__ = ["fetch_order", "fetch_product", "refresh_row", "store_of"]


def refresh_row(model_name: str, pk: str, *, user_id: Any = None) -> None:
    """Make one order or product equal the remote's, and note who asked for it.

    Args:
        model_name: ``order`` or ``product``.
        pk: The row; nothing happens when it is not here.
        user_id: Who asked.

    Raises:
        ObjectNotFound: The remote does not find it. Nothing is marked as gone: that is left to
            the next sync, which asks for more proofs.
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
            fetch_product(product.store, pk, user_id=user_id)


def store_of(model_name: str, pk: str) -> str:
    """Whose row it is; "" when it is not here. Arguments as those of ``refresh_row``."""
    model: Any = Order if model_name == "order" else Product
    return str(model.objects.filter(pk=pk).values_list("store_id", flat=True).first() or "")


def fetch_order(
    store: Store,
    order_id: str,
    *,
    delivery_id: str = "",
    user_id: Any = None,
    while_waiting: Callable[[], None] = lambda: None,
) -> None:
    """Mark an order dirty, fetch its detail form and write it; insert it when it is new.

    When the fetch fails the order stays dirty, and the next sync reads it too.

    Args:
        store: Whose order it is.
        order_id: The remote's id.
        delivery_id: Noted with the rows that are written.
        user_id: Noted too: who asked for the order to be read again.
        while_waiting: Called each second while the answer is waited for.

    Raises:
        PandabaseError: The order could not be read.
        ConfigurationError: The store has no active token.
    """
    rows = Order.objects.filter(pk=order_id, store=store)
    notes = ChangeNotes(store_id=store.pk, delivery_id=delivery_id, user_id=user_id)

    def writer() -> Callable[[Answer[schemas.Order]], bool]:
        mark_dirty(rows)
        mark = rows.values_list("dirty_mark", flat=True).first()
        return partial(_write, mark=mark, store=store, notes=notes)

    fetch_and_write(
        store,
        order_id,
        get=lambda client: client.orders.get(order_id),
        writer=writer,
        while_waiting=while_waiting,
    )


def _write(
    answer: Answer[schemas.Order],
    *,
    mark: int | None,
    store: Store,
    notes: ChangeNotes,
) -> bool:
    """Write an answer; False when there was no row before it was asked for, and is one now."""
    order = answer.item
    if mark is None:
        # A row to lock: of two workers that both found none, the older answer must not win.
        now = timezone.now()
        row, created = Order.objects.get_or_create(
            pk=order.id,
            defaults={
                "store": store,
                "status": order.status or "",
                "created_at": order.created_at,
                "first_seen_at": now,
                "synced_at": now,
            },
        )
        if row.store_id != store.pk:
            raise ProtocolError(f"Order {row.pk} belongs to store {row.store_id} already.")
        if not created:
            return False
        mark = row.dirty_mark
    silent = not SyncCursor.objects.filter(
        store=store, resource=Resource.ORDERS, first_completed_at__isnull=False
    ).exists()
    outcome = write_details(
        [Detailed(order=order, mark=mark, asked_at=answer.asked_at)],
        store_id=store.pk,
        silent=silent,
    )
    notes.wrote(outcome.changes)
    notes.went(outcome.gone_rows)
    return True


def fetch_product(store: Store, product_id: str, *, user_id: Any = None) -> None:
    """Read a product and write it; insert it when it is new.

    Args:
        store: Whose product it is.
        product_id: The remote's id.
        user_id: Noted with the row: who asked for it to be read again.

    Raises:
        LeaseHeld: A sync of the products is under way, and will read it.
        PandabaseError: It could not be read.
        ConfigurationError: The store has no active token.
    """
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
            notes=ChangeNotes(store_id=store.pk, user_id=user_id),
        )
        with opened(recorder, cursor, lease=lease, concurrency=1) as context:
            client = context.client
            # One that is not found stays: a sweep asks for more proofs than this 404.
            product = context.reader.one(lambda: client.products.get(product_id))
            if product.id != product_id:
                raise ProtocolError(f"{product_id} came back as {product.id}.")
            with context.writing() as now:
                write_rows(context, PRODUCTS, [product], now)
    finally:
        lease.release()
