"""Checkouts from the click to the handler: opened, paid at the sandbox, reported, handed out.

Shop, worker, web server, PostgreSQL, Redis and the sandbox share the machine. The shop opens
sessions in threads, at an even pace, and a buyer pays each at once by the control path.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from statistics import quantiles

from django.contrib.auth.models import User
from django.db import connections
from django.urls import reverse

from benchmarks import shop
from benchmarks.figures import Row, median_of
from benchmarks.pandabase_events import PURPOSE
from benchmarks.remote import Remote, running
from benchmarks.workers import running_workers
from pandabase_django.checkout import FreeItem, open_checkout
from pandabase_django.models import HandledFact, Purchase, SyncRun, WebhookDelivery, WebhookEndpoint
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.webhooks.registration import register

__all__ = ["measure_checkouts"]

PACE_A_MINUTE = 1_000
THREADS = 8
PATIENCE_SECONDS = 120.0
POLLED = 100
#: Words of a command line, and what the process is.
PROCESSES = {"gunicorn": "web server", "celery": "worker", "pandabase_sandbox": "sandbox"}
QUEUE = "pandabase-bench"  # of this process too: its settings name it


def measure_checkouts(options: argparse.Namespace) -> list[Row]:
    """Sold at a pace, with webhooks; then some more that a poll alone learns of."""
    from benchmarks.worker_app import app

    app.control.purge()
    with (
        running(orders=1_000, latency_ms=0) as remote,
        _web_server() as site,
        running_workers(options.workers, QUEUE),
    ):
        shop.prepare(remote)
        _first_syncs()
        remote.set(webhook_http=True)
        endpoint = WebhookEndpoint.objects.create(store=shop.store())
        register(endpoint, url=site + reverse("pandabase:webhook", args=[endpoint.pk]))
        time.sleep(8)  # the worker is ready
        busy_before = _processor_seconds()
        sold = _sell(remote, options.checkouts, pace_a_minute=PACE_A_MINUTE)
        handed = _handed_out(options.checkouts)
        busy = {
            name: (seconds - busy_before.get(name, 0)) / options.checkouts * 1000
            for name, seconds in _processor_seconds().items()
        }
        rate = options.checkouts / (max(handed.values()) - min(sold.began.values())) * 60
        received = _received()
        by_webhook = [handed[pk] - received[pk] for pk in sold.paid]
        from_payment = [handed[pk] - sold.paid[pk] for pk in sold.paid]
        opened = list(sold.opening_seconds)

        WebhookEndpoint.objects.update(enabled=False)  # its deliveries are refused from here on
        polled = _sell(remote, POLLED, pace_a_minute=0)
        began = time.time()
        result = sync_resource(
            shop.store(), resource="orders", trigger=SyncRun.Trigger.SCHEDULE, full=False
        )
        assert result.error is None, result.error
        written = dict(_decided())
        handed = _handed_out(options.checkouts + POLLED)
        by_poll = [handed[pk] - written[pk] for pk in polled.paid]
        from_poll = [handed[pk] - began for pk in polled.paid]
    return [
        Row(
            f"{options.checkouts:,} checkouts opened, paid, reported and handed out",
            f"{rate:,.0f} a minute, offered were {PACE_A_MINUTE:,}",
            f"≥ {0.95 * PACE_A_MINUTE:,.0f}",
            rate >= 0.95 * PACE_A_MINUTE,
        ),
        Row(
            "processor time a checkout, without PostgreSQL and Redis",
            ", ".join(f"{name} {milliseconds:.0f} ms" for name, milliseconds in busy.items()),
            "",
        ),
        Row("open_checkout, its request included", _spread(opened), ""),
        Row("from the webhook's arrival to the end of the handler", _spread(by_webhook), ""),
        Row("from the payment to the end of the handler", _spread(from_payment), ""),
        Row(
            f"from a poll's commit to the end of the handler, {POLLED} at once",
            _spread(by_poll),
            "",
        ),
        Row("from the start of that poll", _spread(from_poll), ""),
    ]


class _Sold:
    """What was sold, by the order's id; times are seconds of the clock."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}
        self.paid: dict[str, float] = {}
        self.opening_seconds: list[float] = []


def _sell(remote: Remote, count: int, *, pace_a_minute: float) -> _Sold:
    """Open and pay so many, as fast as possible where there is no pace."""
    sold = _Sold()
    store, start = shop.store(), time.time()
    buyer, _ = User.objects.get_or_create(username="buyer")

    def sell_one(number: int) -> None:
        due = start + number * 60 / pace_a_minute if pace_a_minute else start
        time.sleep(max(0.0, due - time.time()))
        began = time.time()
        session = open_checkout(
            store,
            [FreeItem("Course", 4_900)],
            user=buyer,
            purpose=PURPOSE,
            idempotency=f"{start}-{number}",
            return_url="https://shop.example/thanks/{session}/",
        )
        opened = time.time()
        order_id = remote.change([{"op": "pay_checkout", "id": session.session_id}])[-1]
        sold.paid[order_id] = time.time()
        sold.began[order_id] = began
        sold.opening_seconds.append(opened - began)

    with ThreadPoolExecutor(THREADS, initializer=connections.close_all) as pool:
        list(pool.map(sell_one, range(count)))
    print(f"  {count} sold in {time.time() - start:.1f} s", file=sys.stderr)
    return sold


def _handed_out(count: int) -> Mapping[str, float]:
    """When each order was handed out, once so many were."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while HandledFact.objects.count() < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{HandledFact.objects.count()} of {count} were handed out.")
        time.sleep(0.2)
    rows = HandledFact.objects.values_list("fact__purchase__order_id", "fact__ended_at")
    return {str(pk): _seconds(at) for pk, at in rows if at is not None}


def _received() -> Mapping[str, float]:
    """When the first delivery that names an order as paid arrived."""
    rows = WebhookDelivery.objects.filter(event="PAYMENT_COMPLETED").order_by("-received_at")
    return {pk: _seconds(at) for pk, at in rows.values_list("order_id", "received_at")}


def _decided() -> Iterator[tuple[str, float]]:
    """When each order was matched, which is written with it."""

    for pk, at in Purchase.objects.values_list("order_id", "decided_at"):
        if at is not None:
            yield str(pk), _seconds(at)


def _first_syncs() -> None:
    for resource in ("products", "orders"):
        result = sync_resource(shop.store(), resource=resource, trigger=SyncRun.Trigger.COMMAND)
        assert result.error is None, result.error


def _seconds(at: datetime) -> float:
    return at.astimezone(timezone.utc).timestamp()


def _spread(values: Sequence[float]) -> str:
    ninety_nine = quantiles(values, n=100)[98]
    return f"median {median_of(values) * 1000:,.0f} ms, 99 % within {ninety_nine * 1000:,.0f} ms"


def _processor_seconds() -> dict[str, float]:
    """Of this process and of those that it started, with their own, by what they are."""
    parents, used, names = {}, {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            pid = int(stat.parent.name)
            parents[pid] = int(fields[1])
            # Its own, and that of its ended children.
            used[pid] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
            names[pid] = (stat.parent / "cmdline").read_text()
    found: dict[str, float] = {}
    for pid, seconds in used.items():
        above = pid
        while above in parents and parents[above] != os.getpid() and above != os.getpid():
            above = parents[above]
        if above == os.getpid():
            name = "opening and paying"
        elif parents.get(above) == os.getpid():
            said = names[above]
            name = next((n for word, n in PROCESSES.items() if word in said), "others")
        else:
            continue
        found[name] = found.get(name, 0.0) + seconds
    return found


@contextmanager
def _web_server() -> Iterator[str]:
    """One gunicorn process of four threads, for webhooks; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["benchmarks.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *arguments],
        env=os.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
