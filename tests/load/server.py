"""A real gunicorn or uvicorn in front of the test project, and how much memory it holds."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60


class _Server:
    """A context manager; listens on a free port of 127.0.0.1."""

    def __init__(self, environment: dict[str, str], *command: str, booting: int) -> None:
        self._environment = environment
        self._command = command
        self._booting = booting
        self._listening = threading.Event()
        self._booted = threading.Semaphore(0)
        self.log: list[str] = []
        self.port = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *self._command],
            env=self._environment,
            cwd=ROOT,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stderr,))
        self._reader.start()
        for _ in range(self._booting):
            assert self._booted.acquire(timeout=START_SECONDS), "\n".join(self.log)
        assert self._listening.wait(START_SECONDS), "\n".join(self.log)
        return self

    def __exit__(self, *exc: object) -> None:
        # A worker that waits for a slow client would wait out the graceful time-out.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self.log.append(line.rstrip())
            found = re.search(r"(?:Listening at:|running on) http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found.group(1))
                self._listening.set()
            if "Booting worker" in line:
                self._booted.release()

    def peak_megabytes(self) -> list[float]:
        """The most memory each worker ever held."""
        return [
            int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text()).group(1)) / 1024
            for status in (Path(f"/proc/{worker}/status") for worker in self._workers())
        ]

    def _workers(self) -> list[int]:
        return [self._process.pid]


class Gunicorn(_Server):
    """WSGI.

    Args:
        environment: Environment of the server.
        options: Further options, such as ``--workers 2``.
    """

    def __init__(self, environment: dict[str, str], *options: str) -> None:
        super().__init__(
            environment,
            *("gunicorn", "tests.load.wsgi", "--bind", "127.0.0.1:0", "--no-control-socket"),
            *options,
            booting=int(options[options.index("--workers") + 1]),
        )

    def _workers(self) -> list[int]:
        master = self._process.pid
        return [int(pid) for pid in _children(master).read_text().split()]


class Uvicorn(_Server):
    """ASGI, in one process.

    Args:
        environment: Environment of the server.
        application: Name of it in ``tests.load.asgi``.
        options: Further options, such as ``--root-path /shop``.
    """

    def __init__(self, environment: dict[str, str], application: str, *options: str) -> None:
        super().__init__(
            {**environment, "CONN_MAX_AGE": "0"},
            *("uvicorn", f"tests.load.asgi:{application}", "--host", "127.0.0.1", "--port", "0"),
            *options,
            booting=0,
        )


def _children(pid: int) -> Path:
    return Path(f"/proc/{pid}/task/{pid}/children")
