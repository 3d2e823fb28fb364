"""Servers that drip: each answer ends at the deadline, whichever part of it never does."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Callable, Iterable

import pytest

from pandabase_django.api.wire.timeouts import Timeouts
from pandabase_django.exceptions import TransportError
from tests.api.wire.sending import client
from tests.api.wire.test_broken_answers import _serve

TIMEOUTS = Timeouts(connect_seconds=0.5, read_seconds=0.4)
OK_HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def _dripping(
    beginning: bytes, pieces: Iterable[bytes], *, pause_seconds: float = 0.1
) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        end = time.monotonic() + 60
        connection.sendall(beginning)
        for piece in pieces:
            if time.monotonic() > end:
                return
            with contextlib.suppress(TimeoutError):
                connection.sendall(piece)
                time.sleep(pause_seconds)

    return answer


FOREVER = itertools.repeat
DRIPS = {
    "status line": _dripping(b"HTTP/1.1 200 ", FOREVER(b"O")),
    "header": _dripping(OK_HEAD + b"X-Long: ", FOREVER(b"a")),
    "headers": _dripping(OK_HEAD, FOREVER(b"X: y\r\n")),
    "body": _dripping(OK_HEAD + b"Content-Length: 100000\r\n\r\n", FOREVER(b" ")),
    "chunk size": _dripping(CHUNKED, FOREVER(b"0")),
    "chunks": _dripping(CHUNKED, FOREVER(b"1\r\n \r\n")),
    "chunk extension": _dripping(CHUNKED + b"1;x=", FOREVER(b"y")),
    "trailer": _dripping(CHUNKED + b"0\r\n", FOREVER(b"X: y\r\n")),
    "interim answers": _dripping(b"", FOREVER(b"HTTP/1.1 100 Continue\r\n\r\n")),
    "interim answers without a pause": _dripping(
        b"", FOREVER(b"HTTP/1.1 100 Continue\r\n\r\n" * 100), pause_seconds=0
    ),
    "redirect": _dripping(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nX-Long: ", FOREVER(b"a")),
}


@pytest.mark.parametrize("part", DRIPS)
@pytest.mark.parametrize("roll", [False, True])
def test_an_answer_that_drips_ends_at_the_deadline(part: str, roll: bool) -> None:
    # Of the answer to a roll what arrived is kept, once its headers are there.
    kept = roll and part in ("body", "chunk size", "chunks", "chunk extension", "trailer")
    with client(base_url=_serve(DRIPS[part]), timeouts=TIMEOUTS, retries=0) as calling:
        began = time.monotonic()
        if kept:
            assert calling.roll_secret("stk_1").complete is False
        else:
            with pytest.raises(TransportError) as caught:
                calling.roll_secret("stk_1") if roll else calling.products.list()
            assert caught.value.executed is True
        assert time.monotonic() - began < TIMEOUTS.total_seconds + 20


def test_a_connection_that_was_late_once_is_not_hurried_for_ever() -> None:
    def answer(connection: socket.socket) -> None:
        for pause_seconds in (0.9, 0.6, 0.6):
            time.sleep(pause_seconds)
            connection.sendall(OK_HEAD + b"Content-Length: 11\r\n\r\n" + b'{"ok":true}')
            connection.recv(65536)

    timeouts = Timeouts(connect_seconds=0.1, read_seconds=1.0)
    with client(base_url=_serve(answer), timeouts=timeouts, retries=0) as calling:
        for _ in range(3):
            assert calling.probe().body == b'{"ok":true}'
