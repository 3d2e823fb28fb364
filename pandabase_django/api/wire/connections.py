"""Connections whose answers end in time and size, and which show whether a request was sent.

A time-out of a socket bounds one silence. A status line, header, chunk size or trailer that drips
in, or interim answers (``100 Continue``) without end, break each silence and last for ever, so the
reader that ``http.client`` is given knows when the whole answer must be here.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from pandabase_django.api.wire import network
from pandabase_django.api.wire.timeouts import Timeouts

__all__ = ["BoundedAdapter", "Exchange", "Stage", "exchange"]


class Stage(Enum):
    """How far a request got."""

    UNKNOWN = "unknown"
    CONNECTING = "connecting"
    SENT = "sent"


@dataclass
class Exchange:
    """One request and its answer.

    Attributes:
        timeouts: How long each part of it may take.
        deadline: When the answer must be complete, on the monotonic clock.
        most_bytes: How long it may be on the wire, headers and chunk sizes included.
        stage: How far the request got.
        late: The deadline has passed.
        too_large: More bytes arrived.
    """

    timeouts: Timeouts
    deadline: float
    most_bytes: int
    stage: Stage = Stage.UNKNOWN
    late: bool = False
    too_large: bool = False


_current: ContextVar[Exchange | None] = ContextVar("pandabase_exchange", default=None)


@contextmanager
def exchange(timeouts: Timeouts, *, most_bytes: int) -> Iterator[Exchange]:
    """Bounds what this thread reads inside."""
    started = Exchange(timeouts, time.monotonic() + timeouts.total_seconds, most_bytes)
    token = _current.set(started)
    try:
        yield started
    finally:
        _current.reset(token)


class _BoundedReader(io.RawIOBase):
    """Reads a socket until the deadline of its exchange."""

    def __init__(self, raw: socket.SocketIO, sock: socket.socket, bounds: Exchange) -> None:
        self._raw = raw
        self._sock = sock
        self._bounds = bounds
        self._left = bounds.most_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._bounds.deadline - time.monotonic()
        if left <= 0:
            self._bounds.late = True
            raise TimeoutError("The answer is not complete in time.")
        if self._left < 0:
            self._bounds.too_large = True
            raise OSError("The answer is too large.")
        silence = self._sock.gettimeout()
        hurried = silence is None or left < silence
        if hurried:
            self._sock.settimeout(left)
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError:
            self._bounds.late = hurried
            raise
        finally:
            if hurried:
                self._sock.settimeout(silence)
        self._left -= count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        bounds = _current.get()
        if bounds is not None:
            # The raw one first: closing the last reader of a socket may close the socket.
            raw = sock.makefile("rb", buffering=0)
            self.fp.close()
            self.fp = io.BufferedReader(_BoundedReader(raw, sock, bounds))


class _Tracked(http.client.HTTPConnection):
    """Notes in the exchange what becomes of the request."""

    response_class = _BoundedResponse
    _tunnel_host: str | None

    def connect(self) -> None:
        network.ask(self.host)
        if self._tunnel_host:  # a proxy here leads out
            network.ask(self._tunnel_host)
        bounds = _current.get()
        if bounds is None:
            super().connect()
            return
        try:
            super().connect()
        finally:
            # What is sent to a proxy meanwhile is no request.
            bounds.stage = Stage.CONNECTING

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        bounds = _current.get()
        if bounds is not None:
            bounds.stage = Stage.SENT
        super().send(data)


class _Connection(_Tracked, HTTPConnection):
    pass


class _SecureConnection(_Tracked, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class BoundedAdapter(HTTPAdapter):
    """Sends over such connections, directly or through a proxy."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        return manager
