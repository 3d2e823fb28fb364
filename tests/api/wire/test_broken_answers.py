"""Servers that drip, break off, flood or refuse: what a request makes of them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from pandabase_django.api.wire.timeouts import Timeouts
from pandabase_django.exceptions import (
    PandabaseError,
    ProtocolError,
    TransportError,
)
from tests.api.wire.sending import client, transport


def _serve(answer: Callable[[socket.socket], None]) -> str:
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        connection, _ = listener.accept()
        with connection, listener:
            connection.recv(65536)
            with contextlib.suppress(OSError):
                answer(connection)

    threading.Thread(target=run, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(1200):
        connection.sendall(b" " * 70_000 if _ == 0 else b" ")
        time.sleep(0.05)


def _break_off(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")


def _flood(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
    for _ in range(99):
        connection.sendall(b" " * 1_000_000)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(_drip, TransportError), (_break_off, TransportError), (_flood, ProtocolError)],
)
def test_an_answer_that_drips_breaks_off_or_floods_ends_in_time(
    answer: Callable[[socket.socket], None], kind: type[PandabaseError]
) -> None:
    sender = transport(
        base_url=_serve(answer), timeouts=Timeouts(connect_seconds=0.5, read_seconds=0.4)
    )
    started = time.monotonic()
    with pytest.raises(kind) as caught:
        sender.send_once("GET", "/")
    assert time.monotonic() - started < 30
    assert caught.value.__cause__ is None
    assert "abcdefgh" not in repr(caught.value)
    sender.close()


@pytest.mark.fact(15)
@pytest.mark.parametrize("answer", [_drip, _break_off, _flood])
def test_of_the_answer_to_a_roll_whatever_arrives_is_kept(
    answer: Callable[[socket.socket], None],
) -> None:
    with client(
        base_url=_serve(answer), timeouts=Timeouts(connect_seconds=0.5, read_seconds=0.4)
    ) as rolling:
        reply = rolling.roll_secret("stk_1")
    assert (reply.status, reply.complete) == (200, False)
    assert 1 <= len(reply.body) < 2_000_000


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_not_unpacked_beyond_the_limit(encoding: str) -> None:
    packer = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    bomb = b"".join(packer.compress(b" " * 2**20) for _ in range(260)) + packer.flush()
    assert len(bomb) < 2**20

    def answer(connection: socket.socket) -> None:
        head = f"Content-Encoding: {encoding}\r\nContent-Length: {len(bomb)}\r\n\r\n"
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head.encode() + bomb)

    sender = transport(base_url=_serve(answer))
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match="larger than 32 MiB"):
            sender.send_once("GET", "/")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 80 * 2**20


def test_a_refused_connection_was_surely_not_executed_and_names_the_host() -> None:
    with pytest.raises(
        TransportError, match=r"^127\.0\.0\.1:9 refused the connection\.$"
    ) as caught:
        client(base_url="http://127.0.0.1:9", retries=0).products.list()
    assert caught.value.executed is False
