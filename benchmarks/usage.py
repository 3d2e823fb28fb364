"""Usage: how fast records come into the table, and how fast they are sent.

Recording runs in as many processes as there are cores, beside PostgreSQL on the same ones. Sending
is one process, against a sandbox that answers after the latency.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from django.db import transaction

from benchmarks import shop
from benchmarks.figures import Row, median_of
from benchmarks.remote import Remote, running
from pandabase_django.models import Subscription, SyncRun, UsageRecord
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.usage import Usage, record_usage, record_usages, send_usage

__all__ = ["measure_usage", "record"]

SUBSCRIPTIONS = 100
EVENT = "tokens"
SECONDS = 5.0
IN_A_TRANSACTION = 100
AT_ONCE = 1_000
SENT = 30_000
RECORDS_A_SECOND = 10_000
REQUESTS_A_SECOND = 60

WAYS = {
    "alone": "record_usage, a transaction each",
    "together": f"record_usage, {IN_A_TRANSACTION} in a transaction",
    "many": f"record_usages, {AT_ONCE:,} at once",
}


def measure_usage(options: argparse.Namespace) -> list[Row]:
    """Recorded in each way, then sent with the latency and at the documented limit."""
    with running(orders=100, latency_ms=0) as remote:
        shop.prepare(remote)
        _subscribe(remote)
        rows = []
        for way, name in WAYS.items():
            rate = median_of([_recorded(way) for _ in range(options.repeat)])
            aimed = way == "many"
            rows.append(
                Row(
                    f"{name}, {os.cpu_count()} processes",
                    f"{rate:,.0f} records/s",
                    f"≥ {RECORDS_A_SECOND:,}" if aimed else "",
                    rate >= RECORDS_A_SECOND if aimed else None,
                )
            )
        remote.set(latency_ms=options.latency)
        rate = median_of([_sent() for _ in range(options.repeat)])
        rows.append(
            Row(
                f"{SENT:,} records of {SUBSCRIPTIONS} subscriptions sent",
                f"{rate:.0f} requests/s, {rate * 100:,.0f} records/s",
                f"≥ {REQUESTS_A_SECOND} requests/s",
                rate >= REQUESTS_A_SECOND,
            )
        )
    return rows


def _subscribe(remote: Remote) -> None:
    remote.change([{"op": "create_meter", "product": 0, "event": EVENT}])
    remote.change([{"op": "create_subscription", "product": 0, "count": SUBSCRIPTIONS}])
    result = sync_resource(
        shop.store(), resource="subscriptions", trigger=SyncRun.Trigger.SCHEDULE, full=True
    )
    assert result.error is None, result.error


def _recorded(way: str) -> float:
    """Records a second that all processes together commit."""
    UsageRecord.objects.all().delete()
    work = f"from benchmarks.usage import record; print(record({way!r}))"
    command = [sys.executable, "-c", f"import django; django.setup(); {work}"]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for _ in range(os.cpu_count() or 1)
    ]
    rate = 0.0
    for process in processes:
        written, _ = process.communicate()
        assert process.returncode == 0
        rate += float(written)
    print(f"  {way:10} {rate:8,.0f} /s", file=sys.stderr)
    return rate


def _sent() -> float:
    """Requests a second."""
    UsageRecord.objects.all().delete()
    ones = _subscriptions()
    record_usages(Usage(ones[number % SUBSCRIPTIONS], EVENT, 1) for number in range(SENT))
    began = time.monotonic()
    done = send_usage(shop.store())
    seconds = time.monotonic() - began
    assert (done.sent, done.trouble) == (SENT, ""), done
    print(f"  sent       {SENT / 100 / seconds:8,.0f} requests/s", file=sys.stderr)
    return SENT / 100 / seconds


def _subscriptions() -> list[Subscription]:
    return list(Subscription.objects.order_by("-created_at")[:SUBSCRIPTIONS])


def record(way: str) -> float:
    """What one process records; returns records a second."""
    ones = _subscriptions()
    number, began = 0, time.monotonic()
    while time.monotonic() - began < SECONDS:
        if way == "many":
            number += record_usages(
                Usage(ones[n % len(ones)], EVENT, n) for n in range(number, number + AT_ONCE)
            )
        elif way == "together":
            with transaction.atomic():
                for _ in range(IN_A_TRANSACTION):
                    record_usage(ones[number % len(ones)], EVENT, number)
                    number += 1
        else:
            record_usage(ones[number % len(ones)], EVENT, number)
            number += 1
    return number / (time.monotonic() - began)
