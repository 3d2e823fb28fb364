"""How many may be at one place at once, and how many may wait for it."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Full", "Room"]


class Full(Exception):
    """Too many are waiting, or one has waited too long."""


class Room:
    """A place for a few at once; the others wait in the event loop, in the order they came.

    A semaphore in ``asyncio.wait_for`` would do, but until Python 3.12 that may miss that it is
    cancelled.
    """

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._free = at_once
        self._most = waiting
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self, *, seconds: float) -> None:
        """Wait for a place; whoever has one must ``leave``.

        Raises:
            Full: There was none.
        """
        if self._free:
            self._free -= 1
            return
        if len(self._waiting) >= self._most:
            raise Full
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await asyncio.wait({place}, timeout=seconds)
        except asyncio.CancelledError:
            if place.done():
                self.leave()
            else:
                self._waiting.remove(place)
            raise
        if not place.done():
            self._waiting.remove(place)
            raise Full

    def leave(self) -> None:
        """Give the place to the next one."""
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._free += 1
