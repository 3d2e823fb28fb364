"""PostgreSQL and Redis of a test's own, for tests that kill them."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.ports import free_port, wait_for_port

__all__ = ["OwnPostgres", "OwnRedis"]


class OwnPostgres:
    """A cluster in a temporary folder on a free port. PostgreSQL refuses to run as root."""

    def __init__(self) -> None:
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        self._bin = found[-1] if found else os.path.dirname(shutil.which("pg_ctl") or "")
        if not self._bin:
            pytest.skip("no PostgreSQL server is installed; CI has one")
        self._as: list[str] = []
        self._folder = tempfile.mkdtemp(prefix="pandabase-postgres-")
        if os.geteuid() == 0:
            self._as = ["runuser", "-u", "postgres", "--"]
            shutil.chown(self._folder, pwd.getpwnam("postgres").pw_uid)
        self.port = free_port()
        self._data = str(Path(self._folder) / "data")
        self._call("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "--no-sync")
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1"
        log = str(Path(self._folder) / "log")
        self._call("pg_ctl", "-D", self._data, "-o", options, "-l", log, "-w", "start")

    def stop(self) -> None:
        """As a crash: connections are cut, nothing is flushed in order."""
        self._call("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as, f"{self._bin}/{program}", *arguments],
            check=True,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )


class OwnRedis:
    """A server on a free port that keeps what it is told, as a broker must."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("redis-server") is None:
            pytest.skip("no Redis server is installed; CI has one")
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        options = ["--appendonly", "yes", "--appendfsync", "always", "--dir", str(self._folder)]
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port, self._process, name="Redis")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
