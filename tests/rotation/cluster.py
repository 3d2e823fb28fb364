"""PostgreSQL for tests with real workers: a database of the shared server, or a whole cluster
of their own that may be stopped."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

__all__ = ["Cluster", "fresh_database", "own_cluster"]


@contextmanager
def fresh_database() -> Iterator[str]:
    """URL of an empty database of the server that DATABASE_URL names."""
    server = _server()
    name = f"pandabase_rotation_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True, connect_timeout=3) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]


class Cluster:
    """A PostgreSQL of one test.

    Args:
        programs: Folder of initdb and pg_ctl.
        folder: Where it lives.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._data = programs, folder / "data"
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"postgres://postgres@127.0.0.1:{self._port}/postgres"
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-N")

    def start(self) -> None:
        options = f"-p {self._port} -h 127.0.0.1 -k '' -c fsync=off"
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", "/dev/null", "-o", options, "start")

    def stop(self) -> None:
        """At once, as a failure would."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        # initdb refuses to work for root.
        become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [*become, str(self._programs / program), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd="/",
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()


@contextmanager
def own_cluster() -> Iterator[Cluster]:
    """A running cluster of its own."""
    _server()
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL programs; CI installs them")
    with tempfile.TemporaryDirectory(prefix="pandabase-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        cluster = Cluster(programs, folder)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


def _server() -> str:
    """These tests take long, so they run once in CI: where it names a PostgreSQL."""
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        pytest.skip("DATABASE_URL names no PostgreSQL; CI does")
    return server


def _programs() -> Path | None:
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None
