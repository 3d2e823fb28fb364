"""A shop's processes around one database, reached as its people reach it: by commands."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pandabase_django.sandbox import Sandbox
from tests.worker import tables

__all__ = ["PATIENCE_SECONDS", "ROOT", "Shop", "redis_url", "wait_for_fault", "wait_for_requests"]

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 180

_QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")
_WORKER = ("worker", "-l", "INFO", *_QUIET)

# In a shell's background job Ctrl-C is ignored, and would be here too.
_COMMAND = """
import datetime, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import django
django.setup()
from django.core.management import ManagementUtility
from pandabase_django.services.sync.run import lease
lease.LEASE = datetime.timedelta(seconds={lease_seconds})
ManagementUtility(["manage.py", *sys.argv[1:]]).execute()
"""

_DIFFERENCES = """
import json, sys, urllib.request
import django
django.setup()
from tests.sync.equality import order_differences, product_differences

class Dump:
    def dump(self, kind, *, include_deleted=True):
        url = f"{control_url}/dump?kind={{kind}}&include_deleted={{int(include_deleted)}}"
        with urllib.request.urlopen(url) as answer:
            return [json.loads(line) for line in answer.read().split(b"\\n") if line]

print(json.dumps({names}))
"""


def redis_url() -> str | None:
    """The broker that the environment names; None where it is not Redis, or does not answer."""
    url = os.environ.get("CELERY_BROKER_URL", "redis://127.0.0.1:6379/9")
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        if url.startswith("redis") and probe.connect_ex(("127.0.0.1", 6379)) == 0:
            return url
    return None


def wait_for_requests(sandbox: Sandbox, number: int) -> None:
    """Until the sandbox has served so many."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while sandbox.requests_served < number:
        assert time.monotonic() < deadline, "the sync sends nothing"
        time.sleep(0.002)


def wait_for_fault(sandbox: Sandbox, number: int) -> None:
    """Until the sandbox has the request that this rule is about."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(rule["number"] == number and rule["fired"] for rule in sandbox._faults.report()):
        assert time.monotonic() < deadline, "the request does not come"
        time.sleep(0.02)


class Shop:
    """Commands, workers and tables of one shop.

    Args:
        database_url: Its database; ``make_tables`` makes the tables.
        extra: Further environment variables.
    """

    def __init__(self, database_url: str, **extra: str) -> None:
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.worker.settings",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "default",
            "DATABASE_URL": database_url,
            "CELERY_BROKER_URL": "memory://",
            **extra,
        }
        self.processes: list[subprocess.Popen[Any]] = []
        self._forking: subprocess.Popen[str] | None = None

    def run(self, code: str, **extra: str) -> Any:
        """Run code in a process of the shop; returns what it prints as JSON."""
        if extra:
            code = f"import os; os.environ.update({extra!r})\n{code}"
        if self._forking is None:
            self._forking = subprocess.Popen(
                [sys.executable, "-m", "tests.worker.forking"],
                env=self.environment,
                cwd=ROOT,
                start_new_session=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            self.processes.append(self._forking)
            assert self._hear() == "ready"
        assert self._forking.stdin is not None
        self._forking.stdin.write(json.dumps(code) + "\n")
        self._forking.stdin.flush()
        exit_code, out, err = json.loads(self._hear())
        assert exit_code == 0, err
        return json.loads(out) if out.strip() else None

    def _hear(self) -> str:
        assert self._forking is not None
        assert self._forking.stdout is not None
        ready, _, _ = select.select([self._forking.stdout], [], [], PATIENCE_SECONDS)
        assert ready, "the shop's code does not end"
        line = self._forking.stdout.readline().strip()
        assert line, f"the shop does not start: {self._forking.wait()}"
        return line

    def make_tables(self) -> None:
        """Unless they are there; on SQLite by a copy."""
        url = urlsplit(self.environment["DATABASE_URL"])
        if url.scheme == "sqlite":
            if not Path(url.path[1:]).exists():
                tables.copy_file(Path(url.path[1:]))
            return
        self.run(
            "from django.core.management import call_command\n"
            "from django.db import connection\n"
            "if 'pandabase_store' not in connection.introspection.table_names():\n"
            "    call_command('migrate', verbosity=0)"
        )

    def open(self, sandbox: Sandbox) -> None:
        """Make the tables if they are not there, and add the sandbox's token."""
        self.make_tables()
        token = sandbox.hmac_token
        self.run(
            "from pandabase_django.crypto.secret import Secret\n"
            "from pandabase_django.services.tokens.connection import add_token\n"
            f"add_token(store_id={sandbox.store_id!r}, mode='HMAC',"
            f" secret=Secret({token.secret!r}),"
            f" token_id={token.token_id!r}, base_url={sandbox.url!r})"
        )

    def start(self, *arguments: str, lease_seconds: float = 60) -> subprocess.Popen[str]:
        """Start a management command."""
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND.format(lease_seconds=lease_seconds), *arguments],
            env=self.environment,
            cwd=ROOT,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def finish(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Wait for a command; its exit code, and all it printed."""
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode, out + err

    def start_worker(self, *, concurrency: int = 1) -> subprocess.Popen[bytes]:
        """Start a Celery worker."""
        worker = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "celery",
                "-A",
                "tests.worker.app",
                *_WORKER,
                "-c",
                str(concurrency),
            ],
            env=self.environment,
            cwd=ROOT,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.processes.append(worker)
        return worker

    def sync_orders(self, sandbox: Sandbox) -> None:
        """Enqueue a sync of the orders."""
        self.run(
            "import tests.worker.app\n"
            "from pandabase_django.tasks import sync_orders\n"
            f"sync_orders.delay({sandbox.store_id!r})"
        )

    def kill(self, process: subprocess.Popen[Any]) -> None:
        """Kill a process and its children as a power failure would."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def counts(self) -> dict[str, int]:
        """How far the sync of orders is."""
        return self.run(
            "from pandabase_django.models import Order, OrderItem, SyncRun\n"
            "print(json.dumps({'orders': Order.objects.count(),"
            " 'detailed': Order.objects.filter(dirty=False).count(),"
            " 'items': OrderItem.objects.count(),"
            " 'helped': sum(SyncRun.objects.filter(resource='details')"
            ".values_list('progress_done', flat=True)),"
            " 'completed': SyncRun.objects.filter(resource='orders', state='COMPLETED').count()}))"
        )

    def wait_until(self, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
        """Look at the counts until they are as wanted."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            counts = self.counts()
            if condition(counts):
                return counts
            time.sleep(0.3)
        raise AssertionError(f"it did not happen: {counts}")

    def end_leases(self) -> None:
        """As if the time of all leases had passed."""
        self.run(
            "from pandabase_django.models import SyncCursor\n"
            "from django.utils import timezone\n"
            "SyncCursor.objects.update(lease_until=timezone.now() - timezone.timedelta(seconds=1))"
        )

    def differences(self, sandbox: Sandbox, *resources: str) -> list[str]:
        """Lines for rows that are not the remote's, found without the sync's code."""
        names = " + ".join(f"{name}_differences(Dump())" for name in resources)
        return self.run(_DIFFERENCES.format(control_url=sandbox.control_url, names=names))

    def close(self) -> None:
        """End every process."""
        for process in self.processes:
            if process.poll() is None:
                self.kill(process)
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None and not pipe.closed:
                    pipe.close()
