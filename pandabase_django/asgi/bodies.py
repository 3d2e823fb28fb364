"""Reads the body of a delivery, and bounds what all unfinished deliveries hold in memory."""

from __future__ import annotations

import asyncio

from pandabase_django.api.webhooks.verification import MAX_BODY_BYTES
from pandabase_django.asgi.protocol import Receive, Scope, header

__all__ = ["Body", "Gone", "Memory", "NoMemory", "TooLarge", "TooSlow"]


class Gone(Exception):
    """The sender has hung up."""


class TooLarge(Exception):
    """The body is larger than a delivery may be."""


class TooSlow(Exception):
    """The body did not arrive in time."""


class NoMemory(Exception):
    """All deliveries together would hold too much."""


class Memory:
    """Counts the bytes of all deliveries that are here."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    def take(self, size: int) -> None:
        """Count some more.

        Raises:
            NoMemory: That would be too many; nothing was counted.
        """
        if self.held + size > self._most:
            raise NoMemory
        self.held += size


class Body:
    """The body of one delivery; ``release`` it when nobody needs it any more."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.content = bytearray()

    async def read(self, scope: Scope, receive: Receive, *, seconds: float) -> None:
        """Read it to its end.

        Raises:
            TooLarge: By its announced length, before a byte is read, or by its own.
            TooSlow: It took longer than so many seconds.
            NoMemory: Others hold too much.
            Gone: The sender has hung up.
        """
        announced = header(scope, b"content-length")
        if announced.isdecimal() and int(announced[:20]) > MAX_BODY_BYTES:
            raise TooLarge
        # Not asyncio.wait_for: until Python 3.12 it may miss that this is cancelled.
        reading = asyncio.ensure_future(self._read(receive))
        try:
            await asyncio.wait({reading}, timeout=seconds)
            if not reading.done():
                raise TooSlow
            reading.result()
        finally:
            reading.cancel()

    def release(self) -> int:
        """Drop its bytes and count them no longer; how many they were."""
        size = len(self.content)
        self._memory.held -= size
        self.content = bytearray()
        return size

    async def _read(self, receive: Receive) -> None:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            piece = message.get("body", b"")
            if len(self.content) + len(piece) > MAX_BODY_BYTES:
                raise TooLarge
            self._memory.take(len(piece))
            self.content += piece
            more = message.get("more_body", False)
