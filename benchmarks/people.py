"""People: exporting and erasing somebody with very many orders, beside as many of others.

Each is done in a process of its own. Meanwhile this one looks how long a transaction that has
written holds its locks, or on SQLite how long another writer waits.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from django.db import connection, connections, models

from benchmarks import shop
from benchmarks.figures import Row
from benchmarks.remote import running
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import (
    Customer,
    Erasure,
    Order,
    OrderItem,
    SyncRun,
    WebhookDelivery,
    WebhookEndpoint,
)
from pandabase_django.services.people.erasing import erase_person
from pandabase_django.services.people.exporting import export_texts
from pandabase_django.services.people.finding import find_person
from pandabase_django.services.sync.runs import sync_resource

__all__ = ["do", "measure_people"]

ADDRESS = "ada@example.com"
CUSTOMER = "cus_ada"
MARK = "bench"
LONGEST_LOCK_SECONDS = 1.0
MOST_MB = 200


def measure_people(options: argparse.Namespace) -> list[Row]:
    """Found, exported, erased, and erased again."""
    with running(orders=100, latency_ms=0) as remote:
        shop.prepare(remote)
        _fill(options.person)
    rows = []
    for what in ("nothing", "find", "export", "erase", "erase again"):
        watch = _Watch()
        with watch.running():
            done = _in_a_process(what)
        watched = what.startswith("erase")
        said = f"{done['seconds']:.1f} s, {done['peak_mb']:.0f} MB"
        if watched:
            said += f", longest lock {watch.longest:.2f} s, {done['rows']:,} rows"
        print(f"  {what:12} {said}", file=sys.stderr)
        rows.append(
            Row(
                f"a person with {options.person:,} orders: {what} ({connection.vendor})",
                said,
                f"≤ {LONGEST_LOCK_SECONDS} s, {MOST_MB} MB" if watched else "",
                watch.longest <= LONGEST_LOCK_SECONDS and done["peak_mb"] <= MOST_MB
                if watched
                else None,
            )
        )
    return rows


def do(what: str) -> dict[str, Any]:
    """One of these in this process; returns seconds, peak memory and rows."""
    store, rows = shop.store(), 0
    began = time.monotonic()
    if what == "find":
        rows = sum(find_person(store, ADDRESS).counts.values())
    elif what == "export":
        with open(os.devnull, "w") as file:
            file.writelines(export_texts([store], ADDRESS))
    elif what.startswith("erase"):
        erasure = erase_person(store, ADDRESS, source=Erasure.Source.COMMAND)
        rows = sum(erasure.counts.values())
    # What getrusage says holds the peak of the parent process too.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return {"seconds": time.monotonic() - began, "peak_mb": peak, "rows": rows}


def _in_a_process(what: str) -> dict[str, Any]:
    work = f"import json; from benchmarks.people import do; print(json.dumps(do({what!r})))"
    command = [sys.executable, "-c", f"import django; django.setup(); {work}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured


@dataclass
class _Watch:
    """How long locks were held, as another connection sees it."""

    longest: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        ended = threading.Event()
        thread = threading.Thread(target=self._look, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _look(self, ended: threading.Event) -> None:
        look = self._write if connection.vendor == "sqlite" else self._ask
        while not ended.wait(0.02):
            self.longest = max(self.longest, look())
        connections.close_all()

    def _ask(self) -> float:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)"
                " FROM pg_stat_activity"
                " WHERE backend_xid IS NOT NULL AND datname = current_database()"
                " AND backend_type = 'client backend'"
            )
            (seconds,) = cursor.fetchone()
        return float(seconds)

    def _write(self) -> float:
        began = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 600000")
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        return time.monotonic() - began


def _fill(count: int) -> None:
    """So many orders of one person, and as many of others, each with a line and a delivery."""
    done = sync_resource(shop.store(), resource="orders", trigger=SyncRun.Trigger.COMMAND)
    assert done.error is None, done.error
    store = shop.store()
    endpoint = WebhookEndpoint.objects.create(store=store, secret=Secret("whsec_" + "b" * 32))
    like = Order.objects.exclude(detailed_at=None).filter(items__isnull=False).first()
    assert like is not None
    line = like.items.first()
    assert line is not None
    _copy(Customer.objects.first(), id=CUSTOMER, email=ADDRESS, first_name="Ada").save()
    for number, of_ada in enumerate((True, False)):
        _multiply(_order(like, number, of_ada), count)
        _multiply(_line(line, number), count)
        _multiply(_delivery(endpoint, number, of_ada), count)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _multiply(row: models.Model, count: int) -> None:
    """Write a row so often, each with another number behind its mark."""
    row.save()
    fields = [f for f in row._meta.concrete_fields if not isinstance(f, models.AutoField)]
    values = []
    for field in fields:
        column = connection.ops.quote_name(str(field.column))
        if isinstance(field, (models.CharField, models.TextField, models.JSONField)):
            text = f"replace(CAST({column} AS text), '{MARK}', '{MARK}' || number || 'x')"
            column = f"CAST({text} AS {field.db_type(connection)})"
        values.append(column)
    table = row._meta.db_table
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE numbers(number) AS"
            " (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < %s)"
            f" INSERT INTO {table} ({columns})"
            f" SELECT {', '.join(values)} FROM {table}, numbers WHERE id = %s",
            [count - 1, row.pk],
        )


def _copy(row: Any, **values: Any) -> Any:
    kept = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return type(row)(**{**kept, **values})


def _order(like: Order, number: int, of_ada: bool) -> Order:
    pk = f"ord_{MARK}{number}"
    customer = {"id": CUSTOMER if of_ada else f"cus_{MARK}{number}", "email": ADDRESS}
    if not of_ada:
        customer["email"] = f"{MARK}{number}@example.com"
    payload = {**like.payload, "id": pk, "customer": customer}
    order: Order = _copy(
        like, id=pk, order_number=pk, customer_id=customer["id"], payload=payload, dirty=False
    )
    return order


def _line(like: OrderItem, number: int) -> OrderItem:
    line: OrderItem = _copy(like, id=f"itm_{MARK}{number}", order_id=f"ord_{MARK}{number}")
    return line


def _delivery(endpoint: WebhookEndpoint, number: int, of_ada: bool) -> WebhookDelivery:
    order = f"ord_{MARK}{number}"
    email = ADDRESS if of_ada else f"{MARK}{number}@example.com"
    customer = {"id": CUSTOMER if of_ada else f"cus_{MARK}{number}", "email": email}
    return WebhookDelivery(
        endpoint=endpoint,
        event_id=f"evt_{MARK}{number}",
        event="PAYMENT_COMPLETED",
        received_at=datetime.now(timezone.utc),
        order_id=order,
        payload={
            "id": f"evt_{MARK}{number}",
            "event": "PAYMENT_COMPLETED",
            "data": {"order": {"id": order, "customer": customer}, "metadata": {"n": "Ada"}},
        },
        body_sha256="0" * 64,
        state=WebhookDelivery.State.PROCESSED,
    )
