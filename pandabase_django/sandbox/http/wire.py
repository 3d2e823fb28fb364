"""HTTP/1.1 as bytes: reading one request, writing one response. Knows nothing of the API."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

from pandabase_django.sandbox.store.shapes import dump_json

__all__ = ["BadRequest", "ConnectionReader", "NotJson", "Request", "Response", "failure", "success"]

_MOST_HEADER_BYTES = 65_536
_MOST_BODY_BYTES = 8_388_608
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class BadRequest(Exception):
    """What arrived is not a request this server reads; the connection can't go on."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class NotJson(Exception):
    """The body of a request is not JSON."""


def _refuse(constant: str) -> None:
    raise ValueError(constant)


@dataclass(slots=True)
class Request:
    """A request as received. Header names are in lower case."""

    method: str
    path: str
    query_text: str
    headers: dict[str, str]
    body: bytes
    peer: str

    @property
    def segments(self) -> list[str]:
        """The path without its slashes at either end, unquoted."""
        return [unquote(segment) for segment in self.path.strip("/").split("/")]

    def query(self) -> dict[str, str]:
        """Query parameters; of a repeated one the last counts."""
        return dict(parse_qsl(self.query_text, keep_blank_values=True))

    @property
    def origin(self) -> str:
        """Where the caller has reached this sandbox, without a slash at the end."""
        scheme = self.headers.get("x-forwarded-proto", "http")  # who encrypts before it says so
        return f"{scheme}://{self.headers.get('host', '127.0.0.1')}"

    def json(self, *, exact: bool = False) -> Any:
        """The body as JSON.

        Args:
            exact: Refuse what Python reads beyond JSON: NaN, infinite numbers, other encodings.

        Raises:
            NotJson: It is none.
        """
        try:
            if exact:
                return json.loads(self.body.decode(), parse_constant=_refuse)
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise NotJson("The body is not JSON") from error


@dataclass(slots=True)
class Response:
    """A response to be sent; what faults do to it is beside the content."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    stream: Iterator[bytes] | None = None
    """Body in pieces, sent chunked, instead of ``body``."""
    cut_after: int | None = None
    """Send only so many bytes of the body, then close."""
    drip: tuple[int, float] | None = None
    """Send so many bytes at a time, with so many seconds in between."""
    raw: Iterator[bytes] | None = None
    """Send these bytes as they are, instead of status line, headers and body, then close."""
    slept: bool = False
    """The latency that was asked for has been spent on it already."""
    drop: str | None = None
    """Send nothing: "reset" (RST) or "close" (FIN); "unreachable" is told apart without a socket
    alone."""

    def head(self, *, keep_alive: bool) -> bytes:
        """Status line and headers."""
        length = "Transfer-Encoding: chunked"
        if self.stream is None:
            length = f"Content-Length: {len(self.body)}"
        extra = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return (
            f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Unknown')}\r\n"
            f"Date: {_date(int(time.time()))}\r\n"
            f"Content-Type: {self.content_type}\r\n{length}\r\n{extra}"
            f"Connection: {'keep-alive' if keep_alive else 'close'}\r\n\r\n"
        ).encode("latin-1", "replace")

    def pieces(self, *, keep_alive: bool) -> Iterator[bytes]:
        """All that is sent, in the pieces in which it is sent; nothing where nothing is."""
        if self.drop is not None:
            return
        if self.raw is not None:
            yield from self.raw
            return
        head = self.head(keep_alive=keep_alive)
        if self.stream is not None:
            yield head
            for piece in self.stream:
                if piece:
                    yield b"%x\r\n%b\r\n" % (len(piece), piece)
            yield b"0\r\n\r\n"
            return
        body = self.body if self.cut_after is None else self.body[: self.cut_after]
        if self.drip is None:
            yield head + body
            return
        size, seconds = self.drip
        yield head
        for start in range(0, len(body), size):
            time.sleep(seconds)
            yield body[start : start + size]


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def success(data: Any, *, status: int = 200) -> Response:
    """``{"ok": true, "data": …}``. Source: P-07."""
    return Response(status, dump_json({"ok": True, "data": data}).encode())


def failure(status: int, error: str) -> Response:
    """``{"ok": false, "error": "text"}``. Source: P-07."""
    return Response(status, dump_json({"ok": False, "error": error}).encode())


class ConnectionReader:
    """Reads request after request from one connection."""

    def __init__(self, connection: socket.socket, *, peer: str) -> None:
        self._connection = connection
        self._peer = peer
        self._buffer = b""

    def next_request(self) -> Request | None:
        """The next request; None when the peer is gone.

        Raises:
            BadRequest: The bytes are no request this server reads.
        """
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _MOST_HEADER_BYTES:
                raise BadRequest(431, "Headers too large")
            if not self._fill():
                return None
        head = self._buffer[:end].decode("latin-1").split("\r\n")
        self._buffer = self._buffer[end + 4 :]
        parts = head[0].split(" ")
        if len(parts) != 3 or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
            raise BadRequest(400, "Malformed request line")
        headers: dict[str, str] = {}
        for line in head[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise BadRequest(400, "Malformed header")
            headers[name.lower()] = value.strip()
        if parts[2] == "HTTP/1.0":
            headers.setdefault("connection", "close")
        body = self._body(headers)
        if body is None:
            return None
        path, _, query_text = parts[1].partition("?")
        return Request(parts[0], path, query_text, headers, body, self._peer)

    def _body(self, headers: dict[str, str]) -> bytes | None:
        if "transfer-encoding" in headers:
            raise BadRequest(411, "Length required")
        text = headers.get("content-length", "0")
        if not text.isascii() or not text.isdigit():
            raise BadRequest(400, "Malformed Content-Length")
        length = int(text)
        if length > _MOST_BODY_BYTES:
            raise BadRequest(413, "Body too large")
        if length and headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._buffer) < length:
            if not self._fill():
                return None
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return body

    def _fill(self) -> bool:
        received = self._connection.recv(65_536)
        self._buffer += received
        return bool(received)
