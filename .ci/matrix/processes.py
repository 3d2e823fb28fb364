"""Processes of a cell: each has a log of its own, and all are stopped at the end."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from demo_project.processes import stop_all

__all__ = ["Failed", "Processes", "until", "wait_for_port"]

T = TypeVar("T")
STOP_SECONDS = 20
PATIENCE_SECONDS = 120


class Failed(Exception):
    """A cell did not do what it must."""


def until(what: str, look: Callable[[], T], *, seconds: float = PATIENCE_SECONDS) -> T:
    """Look until it is so, and return what was seen.

    Raises:
        Failed: It was not so in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.2)
    return found


def wait_for_port(port: int, process: subprocess.Popen[bytes], *, name: str) -> None:
    """Until a process listens there.

    Raises:
        Failed: It ended, or does not listen in time.
    """

    def listens() -> bool:
        if process.poll() is not None:
            raise Failed(f"{name} ended with {process.returncode}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(f"{name} listens", listens, seconds=30)


class Processes:
    """A context manager: what was started inside is stopped at its end.

    Args:
        root: Working directory.
        logs: Folder that gets a log for each name.
        environment: Of every process; may be added to before one is started.
        before: Words in front of each command, such as those that take write rights away.
    """

    def __init__(
        self, *, root: Path, logs: Path, environment: dict[str, str], before: tuple[str, ...] = ()
    ) -> None:
        self.root = root
        self.logs = logs
        self.environment = environment
        self._before = before
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

    def start(
        self, name: str, *command: str, pipes: bool = False, extra: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command in a group of its own.

        Args:
            name: Of its log.
            command: What to run.
            pipes: Whether it is talked to; otherwise its output goes to the log.
            extra: Variables of this process alone.
        """
        with (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*self._before, *command],
                cwd=self.root,
                env={**self.environment, **(extra or {})},
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else log,
                stderr=log,
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def run(self, name: str, *command: str, **options: Any) -> str:
        """Run a command to its end; returns what it printed.

        Raises:
            Failed: Its exit code is not 0.
        """
        done = subprocess.run(
            [*self._before, *command],
            cwd=self.root,
            env={**self.environment, **options.pop("extra", {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS * 3,
            check=False,
        )
        with (self.logs / f"{name}.log").open("a") as log:
            log.write(done.stdout + done.stderr)
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise Failed(f"{name} ended with {done.returncode}: {' '.join(last)}")
        return done.stdout

    def stop(self, process: subprocess.Popen[bytes], *, name: str) -> None:
        """Ask a process to end.

        Raises:
            Failed: It does not, or with an error.
        """
        process.terminate()
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failed(f"{name} does not end within {STOP_SECONDS} s of SIGTERM") from None
        if code not in (0, -signal.SIGTERM):
            raise Failed(f"{name} ended with {code} at SIGTERM")
