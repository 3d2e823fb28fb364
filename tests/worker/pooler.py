"""PgBouncer in front of the test's PostgreSQL, in transaction mode, as hosting companies run it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.required import skip

__all__ = ["transaction_pooler"]

START_SECONDS = 30
SETTINGS = """
[databases]
pooled = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
ignore_startup_parameters = extra_float_digits
logfile = {folder}/log
pidfile =
"""


@contextmanager
def transaction_pooler(url: str, *, connections: int) -> Iterator[str]:
    """URL of a pooler before this database.

    Args:
        url: The database.
        connections: So many connections to PostgreSQL serve all clients.
    """
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        skip("pgbouncer", reason="the program is not installed")
    parts = urlsplit(url)
    names = {
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or 5432,
        "dbname": parts.path.lstrip("/"),
        "user": parts.username or "postgres",
        "password": unquote(parts.password or ""),
    }
    with tempfile.TemporaryDirectory(prefix="pandabase-pgbouncer-") as name:
        folder, port = Path(name), _free_port()
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            SETTINGS.format(
                server=" ".join(f"{key}={value}" for key, value in names.items() if value),
                port=port,
                connections=connections,
                folder=folder,
            )
        )
        become = []
        if os.geteuid() == 0:  # it refuses to work for root
            become = ["-u", "postgres"]
            for path in (folder, configuration):
                shutil.chown(path, "postgres")
        process = subprocess.Popen(
            [program, *become, str(configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port, process)
            yield f"postgres://pooled@127.0.0.1:{port}/pooled"
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("PgBouncer did not start")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
