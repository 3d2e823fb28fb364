"""A whole shop for the browser: sandbox, web server, and a Celery worker if asked for."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo_project.processes import Processes
from pandabase_django.crypto.keyring import generate_key
from tests.ports import free_port
from tests.worker import tables

__all__ = ["Shop", "in_theme", "running_shop"]

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 300


@dataclass(slots=True)
class Shop:
    """A running shop.

    Attributes:
        url: Of the web server, without a slash at the end.
        remote: What the sandbox printed on start: URL, store, tokens with secrets, control URL.
        seed: What ``tests.browser.seed`` printed: session, user, pages.
    """

    url: str
    remote: dict[str, Any]
    environment: dict[str, str]
    seed: dict[str, Any] = field(default_factory=dict)

    def run(self, *arguments: str) -> str:
        """Run ``python <arguments>`` as a process of the shop; returns what it prints."""
        done = subprocess.run(
            [sys.executable, *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout


@contextmanager
def running_shop(
    folder: Path,
    *,
    worker: bool = False,
    how: str = "filled",
    theme: str = "",
    orders: int = 400,
    changes: Mapping[str, str] | None = None,
) -> Iterator[Shop]:
    """Start a shop and stop all of it at the end.

    Args:
        folder: Empty; takes database, broker, cache and log.
        worker: Whether a Celery worker and beat's tasks run.
        how: ``filled``: the shop has a token, mirrored rows and a past; ``empty``: only its owner;
            ``selling``: a buyer, products and webhooks.
        theme: Name of an admin theme, as in ``tests.browser.settings``.
        orders: How many the sandbox has.
        changes: Of the environment. With a DATABASE_URL that database is migrated from the start.
    """
    port = free_port()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        "DATABASE_URL": f"sqlite:///{folder / 'shop.sqlite3'}",
        "CACHE_URL": f"filecache://{folder / 'cache'}",
        "CELERY_BROKER_URL": "filesystem://",
        "BROWSER_STATE_DIR": str(folder),
        "BROWSER_THEME": theme,
        "PANDABASE_ENCRYPTION_KEYS": generate_key(),
        "SECRET_KEY": "only-for-the-browser-tests",
        "PYTHONWARNINGS": "default",
        **(changes or {}),
    }
    log = folder / "shop.log"
    with Processes(root=ROOT, environment=environment, log=log) as processes:
        sandbox = processes.start(
            *("manage.py", "pandabase_sandbox", "--port", "0"),
            *("--products", "60", "--orders", str(orders), "--webhook-http"),
            keep_stdout=True,
        )
        remote = json.loads(processes.first_line(sandbox))
        environment["PANDABASE_API_URL"] = remote["url"]
        shop = Shop(f"http://127.0.0.1:{port}", remote, environment)
        if "DATABASE_URL" not in (changes or {}):
            # Only what an app of the theme adds is left to migrate.
            tables.copy_file(folder / "shop.sqlite3")
        shop.run("manage.py", "migrate", "--verbosity", "0")
        arguments = [json.dumps(remote), how, shop.url]
        shop.seed = json.loads(shop.run("-m", "tests.browser.seed", *arguments))
        # A new one, so that it has the sandbox's URL too.
        with Processes(root=ROOT, environment=environment, log=log) as served:
            _serve(served, port)
            if worker:
                served.start("-m", "celery", "-A", "demo_project", "worker", "-c", "1")
            _wait_for(port, log)
            yield shop


@contextmanager
def in_theme(shop: Shop, theme: str) -> Iterator[Shop]:
    """The same shop by another web server, whose admin wears a theme."""
    port = free_port()
    environment = {**shop.environment, "BROWSER_THEME": theme}
    log = Path(environment["BROWSER_STATE_DIR"]) / f"{theme}.log"
    with Processes(root=ROOT, environment=environment, log=log) as served:
        _serve(served, port)
        _wait_for(port, log)
        yield Shop(f"http://127.0.0.1:{port}", shop.remote, environment, shop.seed)


def _serve(processes: Processes, port: int) -> None:
    processes.start("manage.py", "runserver", "--noreload", "--insecure", f"127.0.0.1:{port}")


def _wait_for(port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(log.read_text()[-2000:])
