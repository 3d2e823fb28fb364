"""Starts the demo's processes and stops every one of them, children included."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

__all__ = ["Processes", "stop_all"]

STOP_SECONDS = 10


class Processes:
    """A context manager: what was started inside is stopped at its end, whatever happened.

    Args:
        root: Working directory.
        environment: Environment of every process.
        log: Where their output goes.
    """

    def __init__(self, *, root: Path, environment: Mapping[str, str], log: Path) -> None:
        self._root = root
        self._environment = dict(environment)
        self._log = log.open("ab")
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        stop_all(self._running, seconds=STOP_SECONDS)
        self._log.close()

    def start(self, *arguments: str, keep_stdout: bool = False) -> subprocess.Popen[bytes]:
        """Start ``python <arguments>`` in a process group of its own."""
        process = subprocess.Popen(  # noqa: S603  our own interpreter and arguments
            [sys.executable, *arguments],
            cwd=self._root,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if keep_stdout else self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self._running.append(process)
        return process

    def wait_for_last(self) -> None:
        """Wait until the process that was started last has ended."""
        self._running[-1].wait()

    def first_line(self, process: subprocess.Popen[bytes]) -> str:
        """The first line a process prints; "" when it ended without one."""
        stdout: IO[bytes] | None = process.stdout
        return stdout.readline().decode() if stdout else ""


def stop_all(running: Sequence[subprocess.Popen[bytes]], *, seconds: float) -> None:
    """Ask processes to end, the last one first; then kill them with what they left behind.

    Args:
        running: Each leads a process group.
        seconds: How long each may take to end.
    """
    for process in reversed(running):
        # A worker tells its children itself.
        process.terminate()
    for process in reversed(running):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        # Also what the process left behind in its group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
