"""Work that is repeated in a thread of its own beside everything else."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Beside"]


class Beside:
    """A thread that works again and again until it is ended.

    Args:
        work: What is done; an exception ends the thread, and is raised by ``end``.
        pause: Gives the seconds until the next time.
    """

    def __init__(self, work: Callable[[], object], *, pause: Callable[[], float]) -> None:
        self._work, self._pause = work, pause
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._repeat, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Wait for what is under way."""
        self._over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _repeat(self) -> None:
        try:
            while not self._over.wait(self._pause()):
                self._work()
        except BaseException as error:  # noqa: BLE001  it is raised by end()
            self._error = error
