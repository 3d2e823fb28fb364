"""Ends a command at SIGTERM as at Ctrl-C: records are closed and leases freed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

__all__ = ["Terminated", "ending_at_sigterm"]


class Terminated(KeyboardInterrupt):
    """SIGTERM came."""


@contextmanager
def ending_at_sigterm() -> Iterator[None]:
    """Inside, SIGTERM raises ``Terminated``. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        # None: somebody else than Python has set it.
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated
