"""Processes that are disturbed on purpose, and started again when they ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "Kept"]

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 30
# Celery's worker (5.7) ends when it loses Redis while it holds messages: kombu's restore_unacked
# asks the connection that was given up. Whoever runs one has a supervisor, as here.
ENDED_BY_CELERY = (
    b"Unrecoverable error: AttributeError(\"'NoneType' object has no attribute 'hostname'"
)


class Kept:
    """One process of the shop with its children, in a group of its own.

    Args:
        name: Of its log.
        command: What follows ``python -m``.
        folder: For the log.
        environment: Of the process.
    """

    def __init__(self, name: str, *command: str, folder: Path, environment: dict[str, str]) -> None:
        self.name = name
        self._command = [sys.executable, "-m", *command]
        self._log = folder / f"{name}.log"
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self.deaths: list[str] = []
        """What ended otherwise than by a signal from here."""
        self.ended_by_celery = self.slow_ends = 0

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._began = log.tell()
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def look_after(self) -> None:
        """Start it again if it has died by itself, and remember that."""
        if self._process is not None and (code := self._process.poll()) is not None:
            self._note_death(f"ended by itself with {code}")
            self._end_children()
            self.start()

    def signal(self, number: int) -> None:
        """Send a signal to it and its children."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """As a power failure would."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def end(self) -> None:
        """As a deploy does; an exit code other than 0 counts as a death."""
        if self._process is None:
            return
        self.look_after()
        self._process.terminate()
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # Allowed: what waits for a remote may wait for longer.
            self.kill()
            self.slow_ends += 1
            return
        if code not in (0, -signal.SIGTERM):
            self._note_death(f"ended with {code} at SIGTERM")
        self._end_children()
        self._process = None

    def _note_death(self, how: str) -> None:
        if ENDED_BY_CELERY in self._log.read_bytes()[self._began :]:
            self.ended_by_celery += 1
        else:
            self.deaths.append(f"{self.name} {how}")

    def _end_children(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def megabytes(self) -> float:
        """What it and its children hold."""
        pid = self.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pages = [int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in (pid, *children)]
        return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20
