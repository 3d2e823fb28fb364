"""The database of the bench: an empty shop with one token, and how many rows were written."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from benchmarks.remote import Remote
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import Order, Store, SyncCursor
from pandabase_django.services.tokens.connection import add_token

__all__ = ["empty", "prepare", "settle", "store", "writes"]

_MIRRORED = ("order", "orderitem", "customer", "product", "productvariant", "category")
_RECORDS = ("synccursor", "syncrun")


def prepare(remote: Remote) -> None:
    """Tables, and the store with its token; whatever was there goes."""
    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    add_token(
        store_id=remote.store_id,
        mode="HMAC",
        secret=Secret(remote.secret),
        token_id=remote.token_id,
        base_url=remote.url,
    )


def store() -> Store:
    """The one store."""
    return Store.objects.get()


def empty() -> None:
    """No mirrored row and no checkpoint; statistics and free space as after a quiet night."""
    tables = ", ".join(f"pandabase_{name}" for name in (*_MIRRORED, *_RECORDS))
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} CASCADE")
        cursor.execute("CHECKPOINT")


def settle() -> None:
    """As after a first sync that ran to its end: nothing is due, the list has been read."""
    Order.objects.update(dirty=False)
    now = timezone.now()
    for cursor in SyncCursor.objects.all():
        cursor.checkpoint.get("orders", {}).get("append", {}).pop("full_page", None)
        cursor.first_completed_at = cursor.last_full_at = now
        cursor.lease_until = None
        cursor.save()
    with connection.cursor() as sql:
        sql.execute("VACUUM (ANALYZE) pandabase_order")


def writes() -> int:
    """Rows inserted, updated or deleted in mirrored tables so far, as PostgreSQL counts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
            " WHERE relname = ANY(%s)",
            [[f"pandabase_{name}" for name in _MIRRORED]],
        )
        row: tuple[Any, ...] = cursor.fetchone()
    return int(row[0] or 0)
