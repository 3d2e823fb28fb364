"""A transport adapter of ``requests`` that hands each request to a sandbox, without a socket.

What comes back went through bytes, so that answers which are cut off or malformed fail as they do
on a wire.
"""

from __future__ import annotations

import http.client
import io
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import NewConnectionError

from pandabase_django.api.wire.network import StandIn
from pandabase_django.sandbox.http.wire import Request, Response

__all__ = ["WireClock", "stand_in_for"]

PEER = "127.0.0.1"


@dataclass
class WireClock:
    """The clients' clock. Nothing sleeps: time that would be slept has passed."""

    ahead_seconds: float = 0.0

    def now(self) -> float:
        """Unix epoch seconds."""
        return time.time() + self.ahead_seconds

    @property
    def whole_seconds_ahead(self) -> int:
        """Between the seconds that the clocks show: headers have no parts of them."""
        return int(self.now()) - int(time.time())

    def pass_time(self, seconds: float) -> None:
        """So much time passes, or is slept."""
        self.ahead_seconds += seconds


def stand_in_for(answer: Callable[[Request], Response], *, clock: WireClock) -> StandIn:
    """What clients use instead of the network."""
    return StandIn(_Adapter(answer, clock), clock=clock.now, sleep=clock.pass_time)


class _Adapter(HTTPAdapter):
    def __init__(self, answer: Callable[[Request], Response], clock: WireClock) -> None:
        super().__init__()
        self._answer = answer
        self._clock = clock

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer a request, wherever it is addressed to. Time-outs and proxies mean nothing."""
        response = self._answer(_received(request))
        if response.drop == "unreachable":
            refused = NewConnectionError(self, "nobody listens")  # type: ignore[arg-type]
            refused.__cause__ = ConnectionRefusedError()
            raise requests.ConnectionError(refused, request=request)
        if response.drop is not None:
            raise requests.ConnectionError(ConnectionResetError(), request=request)
        arrived = http.client.HTTPResponse(
            _Wire(response.pieces(keep_alive=False)),  # type: ignore[arg-type]
            method=request.method,
        )
        arrived.begin()
        return self.build_response(
            request,
            HTTPResponse(
                body=arrived,
                headers=_moved(dict(arrived.getheaders()), self._clock.whole_seconds_ahead),
                status=arrived.status,
                reason=arrived.reason,
                preload_content=False,
                decode_content=False,
                original_response=arrived,
                request_method=request.method,
            ),
        )


def _moved(headers: dict[str, str], seconds: int) -> dict[str, str]:
    """The same headers, with times of a remote on which as much time has passed as here."""
    moved = dict(headers)
    with suppress(KeyError, ValueError):
        at = parsedate_to_datetime(headers["Date"]) + timedelta(seconds=seconds)
        moved["Date"] = format_datetime(at, usegmt=True)
    with suppress(KeyError, ValueError):
        moved["X-RateLimit-Reset"] = str(int(headers["X-RateLimit-Reset"]) + seconds)
    return moved


class _Wire(io.RawIOBase):
    """What ``http.client`` takes for a socket: pieces of bytes, one after the other."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def makefile(self, *args: Any, **kwargs: Any) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


def _received(request: requests.PreparedRequest) -> Request:
    parts = urlsplit(str(request.url))
    body = request.body or b""
    return Request(
        method=str(request.method),
        path=parts.path,
        query_text=parts.query,
        headers={
            "host": parts.netloc,
            "x-forwarded-proto": parts.scheme,
            **{name.lower(): _text(value) for name, value in request.headers.items()},
        },
        body=body.encode() if isinstance(body, str) else bytes(body),
        peer=PEER,
    )


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
