"""A real gunicorn in front of the test project, and how much memory its workers hold."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60


class Gunicorn:
    """A context manager; listens on a free port of 127.0.0.1.

    Args:
        environment: Environment of the server.
        options: Further options, such as ``--workers 2``.
    """

    def __init__(self, environment: dict[str, str], *options: str) -> None:
        self._environment = environment
        self._options = options
        self._listening = threading.Event()
        self._booted = threading.Semaphore(0)
        self.log: list[str] = []
        self.port = 0

    def __enter__(self) -> Gunicorn:
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "tests.load.wsgi", "--bind", "127.0.0.1:0"),
                *("--no-control-socket", *self._options),
            ],
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
        workers = int(self._options[self._options.index("--workers") + 1])
        for _ in range(workers):
            assert self._booted.acquire(timeout=START_SECONDS), "\n".join(self.log)
        assert self._listening.is_set(), "\n".join(self.log)
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
            found = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found.group(1))
                self._listening.set()
            if "Booting worker" in line:
                self._booted.release()

    def peak_megabytes(self) -> list[float]:
        """The most memory each worker ever held."""
        master = self._process.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        peaks = []
        for child in children:
            status = Path(f"/proc/{child}/status").read_text()
            peaks.append(int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 1024)
        return peaks
