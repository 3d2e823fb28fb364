"""Progress on stderr: one live line on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import shutil
import time

from django.core.management.base import OutputWrapper

from pandabase_django.models import SyncRun
from pandabase_django.printable import printable
from pandabase_django.services.sync.run import progress

__all__ = ["LiveLine"]

REDRAW_SECONDS = 0.1
LINE_SECONDS = 5.0  # between two lines where no terminal is


class LiveLine:
    """Shows how far a run is.

    Args:
        stderr: Where to.
        quiet: Show nothing.
    """

    def __init__(self, stderr: OutputWrapper, *, quiet: bool) -> None:
        self._stderr = stderr
        self._quiet = quiet
        self._holder = ""
        self._terminal = bool(stderr.isatty())
        # Work that takes less than a few seconds writes no line where no terminal is.
        self._drawn_at = 0.0 if self._terminal else time.monotonic()

    def show_run(self, run: SyncRun) -> None:
        """Draw how far a run is; make room when it has ended."""
        if run.state == SyncRun.State.RUNNING:
            self._draw(progress.sentence(run, width=_width() if self._terminal else None))
        else:
            self.end()

    def show_wait(self, holder: str, seconds: float) -> None:
        """Draw whose lease is waited for, and for how long at most; at once the first time."""
        if holder != self._holder:
            self._holder = holder
            self._drawn_at = 0.0
        self._draw(f"Waiting {seconds:.0f} s at most for the lease of {holder}")

    def end(self) -> None:
        """Make room for a result, or for what the log says of it."""
        if self._terminal and not self._quiet:
            self._stderr.write("\r\033[K", _plain, ending="")

    def _draw(self, text: str) -> None:
        now = time.monotonic()
        pause = REDRAW_SECONDS if self._terminal else LINE_SECONDS
        if self._quiet or now - self._drawn_at < pause:
            return
        self._drawn_at, text = now, printable(text)
        if self._terminal:
            # Back at its beginning, so that a log's line is written over it and not behind.
            self._stderr.write(f"\r\033[K{text[: _width()]}\r", _plain, ending="")
        else:
            self._stderr.write(text, _plain)


def _width() -> int:
    # Some terminals go on in the next line as soon as the last column is filled.
    return shutil.get_terminal_size().columns - 1


def _plain(text: str) -> str:
    """Progress is no error: without the red of stderr."""
    return text
