"""A real worker process syncs, is killed in the middle, and the rows end equal all the same."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pandabase_django.sandbox import Sandbox

pytestmark = pytest.mark.worker

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60


class Shop:
    """A shop's processes around one database, reached as its people reach it: by commands."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.workers: list[subprocess.Popen[bytes]] = []

    def run(self, code: str) -> Any:
        """Run code in a process of the shop; returns what it prints as JSON."""
        done = subprocess.run(
            [sys.executable, "-c", f"import django, json; django.setup()\n{code}"],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def start_worker(self) -> subprocess.Popen[bytes]:
        worker = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "celery",
                "-A",
                "tests.worker.app",
                "worker",
                "-c",
                "1",
                "-l",
                "INFO",
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
            ],
            env=self.environment,
            cwd=ROOT,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.workers.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill the worker and its children as a power failure would."""
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def counts(self) -> dict[str, int]:
        return self.run(
            "from pandabase_django.models import Order, OrderItem, SyncRun\n"
            "print(json.dumps({'orders': Order.objects.count(),"
            " 'detailed': Order.objects.filter(dirty=False).count(),"
            " 'items': OrderItem.objects.count(),"
            " 'completed': SyncRun.objects.filter(resource='orders', state='COMPLETED').count()}))"
        )

    def wait_until(self, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            counts = self.counts()
            if condition(counts):
                return counts
            time.sleep(0.3)
        raise AssertionError(f"it did not happen: {counts}")

    def close(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                self.kill(worker)


def _redis_url() -> str | None:
    url = os.environ.get("CELERY_BROKER_URL", "redis://127.0.0.1:6379/9")
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        if url.startswith("redis") and probe.connect_ex(("127.0.0.1", 6379)) == 0:
            return url
    return None


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=3, products=20, orders=1500, latency_ms=4) as running:
        yield running


@pytest.fixture(params=["filesystem", "redis"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, sandbox: Sandbox) -> Iterator[Shop]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.worker.settings",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "default",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'shop.sqlite3'}",
    }
    if request.param == "redis":
        url = _redis_url()
        if url is None:
            pytest.skip("no Redis on its standard port; CI starts one")
        environment["CELERY_BROKER_URL"] = url
        # Another queue for each test: a killed worker's message must not meet the next test.
        queue = f"test-{uuid.uuid4().hex}"
        environment["CELERY_TASK_DEFAULT_QUEUE"] = queue
    else:
        (tmp_path / "broker" / "control").mkdir(parents=True)
        environment["CELERY_BROKER_URL"] = "filesystem://"
        environment["BROKER_FOLDER"] = str(tmp_path / "broker")
    running = Shop(environment)
    token = sandbox.hmac_token
    running.run(
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0)\n"
        "from pandabase_django.crypto.secret import Secret\n"
        "from pandabase_django.services.connection import add_token\n"
        f"add_token(store_id={sandbox.store_id!r}, mode='HMAC', secret=Secret({token.secret!r}),"
        f" token_id={token.token_id!r}, base_url={sandbox.url!r})"
    )
    yield running
    running.close()


def _enqueue(shop: Shop, sandbox: Sandbox) -> None:
    shop.run(
        "import tests.worker.app\n"
        "from pandabase_django.tasks import sync_orders\n"
        f"sync_orders.delay({sandbox.store_id!r})"
    )


def _all_there(sandbox: Sandbox) -> Callable[[dict[str, int]], bool]:
    orders = sandbox.dump("orders")
    items = sum(len(order["items"]) for order in orders)
    return lambda counts: (
        counts["detailed"] == len(orders) and counts["items"] == items and counts["completed"] > 0
    )


def test_a_worker_killed_in_the_middle_leaves_nothing_half_done(
    shop: Shop, sandbox: Sandbox
) -> None:
    worker = shop.start_worker()
    _enqueue(shop, sandbox)
    shop.wait_until(lambda counts: 0 < counts["detailed"] < 1500)
    shop.kill(worker)
    broken_off = shop.counts()
    assert broken_off["completed"] == 0
    assert broken_off["items"] > 0

    # The lease of the dead runs out by itself; the test does not wait a minute for it.
    shop.run(
        "from pandabase_django.models import SyncCursor\n"
        "SyncCursor.objects.update(lease_until=None)"
    )
    if shop.environment["CELERY_BROKER_URL"].startswith("filesystem"):
        # This broker loses the message of a killed worker: beat's next run goes on.
        _enqueue(shop, sandbox)
    else:
        # Redis gives the message to a worker that looks after the visibility time-out; a
        # running one looks at its start and then every 100 seconds.
        time.sleep(4)
    shop.start_worker()
    shop.wait_until(_all_there(sandbox))


def test_a_task_delivered_twice_does_its_work_once(shop: Shop, sandbox: Sandbox) -> None:
    _enqueue(shop, sandbox)
    _enqueue(shop, sandbox)
    shop.start_worker()
    shop.wait_until(_all_there(sandbox))
    counts = shop.wait_until(lambda counts: counts["completed"] >= 1)
    assert counts["orders"] == 1500
