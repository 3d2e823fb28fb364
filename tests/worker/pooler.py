"""PgBouncer in front of the test's PostgreSQL, in transaction mode, as hosting companies run it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.ports import free_port, wait_for_port
from tests.required import skip

__all__ = ["transaction_pooler"]

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
logfile = {folder}/pgbouncer-server.log
pidfile =
"""


@contextmanager
def transaction_pooler(url: str, *, connections: int, folder: Path) -> Iterator[str]:
    """URL of a pooler before this database.

    Args:
        url: The database.
        connections: So many connections to PostgreSQL serve all clients.
        folder: Takes its settings and logs.
    """
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        skip("pgbouncer", reason="the program is not installed")
    parts, port = urlsplit(url), free_port()
    names = {
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or 5432,
        "dbname": parts.path.lstrip("/"),
        "user": parts.username or "postgres",
        "password": unquote(parts.password or ""),
    }
    server = " ".join(f"{key}={value}" for key, value in names.items() if value)
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        SETTINGS.format(server=server, port=port, connections=connections, folder=folder)
    )
    become = []
    if os.geteuid() == 0:  # it refuses to work for root
        become = ["-u", "postgres"]
        for path in (folder, settings):
            shutil.chown(path, "postgres")
    with (folder / "pgbouncer.log").open("ab") as log:
        process = subprocess.Popen(
            [program, *become, str(settings)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        wait_for_port(port, process, name="PgBouncer")
        yield f"postgres://pooled@127.0.0.1:{port}/pooled"
    finally:
        process.terminate()
        process.wait()
