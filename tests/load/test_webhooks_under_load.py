"""Deliveries and attacks against a real gunicorn on PostgreSQL. Only ever against 127.0.0.1.

PANDABASE_LOAD_SECONDS and PANDABASE_LOAD_RATE make it long and heavy (``make soak``); time limits
are asserted then alone, since a short run on a busy machine says nothing about them.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack

import pytest
import redis

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import Order, WebhookDelivery, WebhookEndpoint
from pandabase_django.sandbox import Sandbox
from tests.connecting import connect
from tests.load.deliveries import SECRET, delivery, head
from tests.load.sender import Outcome, Shot, percentile, send
from tests.load.server import ROOT, Gunicorn

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(900),
]

SECONDS = float(os.environ.get("PANDABASE_LOAD_SECONDS", "3"))
RATE = float(os.environ.get("PANDABASE_LOAD_RATE", "60"))
IS_SOAK = SECONDS >= 30
ADVISED = ("--workers", "2", "--worker-class", "gthread", "--threads", "8")
MEGABYTE = 1_048_576
WARM = 50


def steadily(
    endpoint_id: str, *, rate: float, kind: str = "valid", secret: str = SECRET
) -> list[Shot]:
    return [
        Shot(n / rate, delivery(endpoint_id, f"evt_{kind}{n:08d}", secret=secret), kind)
        for n in range(int(SECONDS * rate))
    ]


def report(title: str, outcomes: list[Outcome], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        for kind in sorted({outcome.kind for outcome in outcomes}):
            found = [outcome for outcome in outcomes if outcome.kind == kind]
            statuses = dict(Counter(outcome.status for outcome in found))
            figures = " ".join(
                f"p{share * 100:g}={percentile(found, share) * 1000:.0f}ms"
                for share in (0.5, 0.95, 0.99, 1)
            )
            sys.stdout.write(f"\n{title}: {kind}: {len(found)}, {statuses}, {figures}")
        busy = ", ".join(f"{average:.1f}" for average in os.getloadavg())
        sys.stdout.write(f"\n(this machine: {os.cpu_count()} cores, load average {busy})\n")


def test_no_valid_delivery_is_lost(
    environment: dict[str, str],
    endpoint: WebhookEndpoint,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shots = steadily(endpoint.pk, rate=RATE)
    with Gunicorn(environment, *ADVISED) as server:
        warm_up(server, endpoint)
        outcomes = send(server.port, shots)
    report("load", outcomes, capsys)
    assert {outcome.status for outcome in outcomes} == {200}
    stored = WebhookDelivery.objects.exclude(event_id__startswith="evt_warm")
    ids = stored.values_list("event_id", flat=True)
    assert sorted(ids) == [f"evt_valid{n:08d}" for n in range(len(shots))]
    assert waiting_tasks(environment) == len(shots) + WARM
    if IS_SOAK:
        assert percentile(outcomes, 0.99) < 0.5


def test_what_is_taken_in_is_worked_off_by_a_worker_meanwhile(
    environment: dict[str, str],
    endpoint: WebhookEndpoint,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Sandbox(seed=4, products=20, orders=300) as sandbox, ExitStack() as stack:
        connect(sandbox)
        own = WebhookEndpoint(store_id=sandbox.store_id)
        own.secret = Secret(SECRET)
        own.save()
        refunded = [order["id"] for order in sandbox.dump("orders")[:40]]
        sandbox.change([{"op": "refund_order", "id": pk} for pk in refunded])
        shots = [
            Shot(
                n / (RATE / 3),
                delivery(own.pk, f"evt_work{n}", order_id=refunded[n % len(refunded)]),
                "valid",
            )
            for n in range(int(SECONDS * RATE / 3))
        ]
        stack.callback(stop, start_worker(environment))
        with Gunicorn(environment, *ADVISED) as server:
            outcomes = send(server.port, shots)
        report("with a worker", outcomes, capsys)
        assert {outcome.status for outcome in outcomes} == {200}
        deadline = time.monotonic() + 60 + SECONDS * 5
        pending = WebhookDelivery.objects.filter(state=WebhookDelivery.State.PENDING)
        while pending.exists():
            assert time.monotonic() < deadline, pending.count()
            time.sleep(0.3)
        done = WebhookDelivery.objects.filter(state=WebhookDelivery.State.PROCESSED)
        assert done.count() == len(shots)
        assert set(Order.objects.values_list("status", flat=True)) == {"REFUNDED"}
        told = refunded[: len(shots)]
        assert set(Order.objects.values_list("pk", flat=True)) == set(told)
        requests = sandbox.requests_served
    with capsys.disabled():
        sys.stdout.write(f"{len(shots)} deliveries cost {requests} requests\n")


def start_worker(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "celery", "-A", "tests.worker.app", "worker", "-c", "2"]
    return subprocess.Popen(
        [*command, "--without-gossip", "--without-mingle", "--without-heartbeat"],
        env=environment,
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def warm_up(server: Gunicorn, endpoint: WebhookEndpoint) -> None:
    """Let each worker import what it needs and open its connections."""
    shots = [Shot(n / WARM, delivery(endpoint.pk, f"evt_warm{n}")) for n in range(WARM)]
    assert {outcome.status for outcome in send(server.port, shots)} == {200}


def waiting_tasks(environment: dict[str, str]) -> int:
    with redis.Redis.from_url(environment["CELERY_BROKER_URL"]) as client:
        return int(client.llen(environment["CELERY_TASK_DEFAULT_QUEUE"]))


def test_forgeries_leave_no_row_and_valid_deliveries_are_answered_meanwhile(
    environment: dict[str, str],
    endpoint: WebhookEndpoint,
    capsys: pytest.CaptureFixture[str],
) -> None:
    valid = steadily(endpoint.pk, rate=RATE / 4)
    forged = steadily(endpoint.pk, rate=RATE, kind="forged", secret="guessed")
    nowhere = steadily("0" * 40, rate=RATE / 2, kind="nowhere")
    with Gunicorn(environment, *ADVISED) as server:
        warm_up(server, endpoint)
        outcomes = send(server.port, [*valid, *forged, *nowhere])
    report("flood", outcomes, capsys)
    by_kind = {
        kind: {outcome.status for outcome in outcomes if outcome.kind == kind}
        for kind in ("valid", "forged", "nowhere")
    }
    assert by_kind == {"valid": {200}, "forged": {401}, "nowhere": {401}}
    stored = set(WebhookDelivery.objects.values_list("event_id", flat=True))
    expected = {f"evt_valid{n:08d}" for n in range(len(valid))}
    assert stored == expected | {f"evt_warm{n}" for n in range(WARM)}
    assert waiting_tasks(environment) == len(stored)


def test_a_hundred_identical_deliveries_at_once_are_one_row(
    environment: dict[str, str], endpoint: WebhookEndpoint
) -> None:
    raw = delivery(endpoint.pk, "evt_same")()
    with Gunicorn(environment, *ADVISED) as server:
        outcomes = send(server.port, [Shot(0, lambda: raw)] * 100)
    assert [outcome.status for outcome in outcomes] == [200] * 100
    assert WebhookDelivery.objects.count() == 1
    assert waiting_tasks(environment) == 1


def test_big_bodies_are_refused_without_being_held(
    environment: dict[str, str],
    endpoint: WebhookEndpoint,
    capsys: pytest.CaptureFixture[str],
) -> None:
    big = b"x" * (10 * MEGABYTE)
    announced = head(endpoint.pk, {}, length=len(big)) + big
    pieces = b"".join(b"%x\r\n%b\r\n" % (MEGABYTE, big[:MEGABYTE]) for _ in range(10))
    chunked = head(endpoint.pk, {"Transfer-Encoding": "chunked"}, length=0).replace(
        b"Content-Length: 0\r\n", b""
    ) + (pieces + b"0\r\n\r\n")
    with Gunicorn(environment, *ADVISED) as server:
        warm_up(server, endpoint)
        before = server.peak_megabytes()
        shots = [Shot(n / 10, lambda: announced, "announced") for n in range(20)]
        shots += [Shot(n / 10, lambda: chunked, "chunked") for n in range(20)]
        outcomes = send(server.port, shots)
        after = server.peak_megabytes()
    report("10 MB bodies", outcomes, capsys)
    with capsys.disabled():
        sys.stdout.write(f"peak memory of each worker: {before} MB before, {after} MB after\n")
    refused = {outcome.status for outcome in outcomes}
    assert refused <= {413, 411, 401, 400, 0}  # 0: hung up on while it was still sending
    assert 413 in refused
    assert WebhookDelivery.objects.count() == WARM
    assert max(after) - max(before) < 20


def test_clients_that_drip_hold_no_memory_and_the_advised_server_still_answers(
    environment: dict[str, str],
    endpoint: WebhookEndpoint,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Gunicorn(environment, *ADVISED) as server, ExitStack() as stack:
        warm_up(server, endpoint)
        before = server.peak_megabytes()
        stopped = threading.Event()
        for _ in range(6):
            dripping = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            stack.enter_context(dripping)
            dripping.sendall(head(endpoint.pk, {}, length=200_000))
            thread = threading.Thread(target=_drip, args=(dripping, stopped))
            thread.start()
            stack.callback(thread.join)
        stack.callback(stopped.set)
        outcomes = send(server.port, steadily(endpoint.pk, rate=RATE / 3))
        after = server.peak_megabytes()
    report("six dripping clients", outcomes, capsys)
    with capsys.disabled():
        sys.stdout.write(f"peak memory of each worker: {before} MB before, {after} MB after\n")
    assert {outcome.status for outcome in outcomes} == {200}
    assert max(after) - max(before) < 20


def _drip(connection: socket.socket, stopped: threading.Event) -> None:
    while not stopped.wait(0.05):
        try:
            connection.sendall(b"x")
        except OSError:
            return
