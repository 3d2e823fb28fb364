"""Senders that never finish their bodies, and when a server lets go of each."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import Counter

from tests.load.deliveries import head

__all__ = ["Drips"]

EVERY_SECONDS = 1.0


class Drips:
    """A context manager: so many connections that send a byte a second.

    Args:
        port: Of 127.0.0.1.
        path: What they post to: an endpoint's id.
        count: How many.
    """

    def __init__(self, port: int, path: str, count: int) -> None:
        self._port, self._path, self._count = port, path, count
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._open: list[socket.socket] = []
        self.statuses: Counter[int] = Counter()
        self.ended_after: list[float] = []

    def __enter__(self) -> Drips:
        for _ in range(self._count):
            sender = socket.create_connection(("127.0.0.1", self._port), timeout=10)
            sender.sendall(head(self._path, {}, length=200_000))
            sender.setblocking(False)
            self._open.append(sender)
        self._started = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()
        self._thread.join()
        for sender in self._open:
            sender.close()

    @property
    def held(self) -> int:
        """How many the server still listens to."""
        return len(self._open)

    def _run(self) -> None:
        while not self._stopped.wait(EVERY_SECONDS):
            with selectors.DefaultSelector() as selector:
                for sender in self._open:
                    selector.register(sender, selectors.EVENT_READ)
                for key, _ in selector.select(0):
                    self._end(key.fileobj)  # type: ignore[arg-type]
            for sender in list(self._open):
                try:
                    sender.send(b"x")
                except BlockingIOError:
                    pass
                except OSError:
                    self._end(sender)

    def _end(self, sender: socket.socket) -> None:
        try:
            answer = sender.recv(1000)
        except OSError:
            answer = b""
        self.statuses[int(answer.split()[1]) if answer.startswith(b"HTTP/") else 0] += 1
        self.ended_after.append(time.monotonic() - self._started)
        sender.close()
        self._open.remove(sender)
