"""Servers that drip, break off, flood or refuse: what a request makes of them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

import pytest

from pandabase_django.api.transport import Timeouts
from pandabase_django.exceptions import (
    PandabaseError,
    ProtocolError,
    TransportError,
)
from tests.api.sending import client, transport


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
    for _ in range(200):
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
    assert time.monotonic() - started < 5
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


def test_a_refused_connection_was_surely_not_executed() -> None:
    with pytest.raises(TransportError) as caught:
        client(base_url="http://127.0.0.1:9", retries=0).products.list()
    assert caught.value.executed is False
