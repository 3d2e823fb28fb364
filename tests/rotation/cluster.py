"""A PostgreSQL of a test's own, which may be stopped."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.worker.tables import server

__all__ = ["Cluster", "own_cluster"]


class Cluster:
    """A PostgreSQL of one test.

    Args:
        programs: Folder of initdb and pg_ctl.
        folder: Where it lives.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._data = programs, folder / "data"
        self._port = free_port()
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
    server()
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


def _programs() -> Path | None:
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None
