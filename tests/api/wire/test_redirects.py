"""Redirects are looked at by nobody: not their target, not their body."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from pandabase_django.api.wire.timeouts import Timeouts
from pandabase_django.exceptions import ProtocolError
from tests.api.wire.sending import client
from tests.api.wire.test_broken_answers import _serve
from tests.frames import shown_by

SENT = "sk_test_abcdefgh"
NEW = "sk_test_the_new_one_7"
TARGETS = [
    b"http://127.0.0.1:99999999/",
    b"//[x",
    b"\xff",
    b"http://[::1",
    b"http://\xc3\xa9\xff..example/",
    b"http://" + b"a" * 64 + b".example/",
    b"//",
    b"",
    b"javascript:alert(1)",
    b"https://evil.example/?x=\x01",
]


def _redirect(
    target: bytes, *, status: bytes = b"302 Found", body: bytes = b""
) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 %b\r\nLocation: %b\r\nContent-Length: %d\r\n\r\n"
            % (status, target, len(body))
        )
        connection.sendall(body)

    return answer


@pytest.mark.fact(3)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("write", [False, True])
def test_a_malformed_target_is_a_clear_error_without_the_credential(
    target: bytes, write: bool
) -> None:
    operation = "product_create" if write else "products_list"
    with (
        client(base_url=_serve(_redirect(target)), retries=0) as calling,
        pytest.raises(ProtocolError, match="redirects") as caught,
    ):
        calling.request(operation, body={"title": "x"} if write else None)
    assert SENT not in shown_by(caught.value)
    assert caught.value.outcome_unknown is write


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"303 See", b"307 T", b"308 P"])
def test_the_body_of_a_redirect_is_not_read(status: bytes) -> None:
    sent: list[int] = []

    def flood(connection: socket.socket) -> None:
        length = 200 * 1024 * 1024
        connection.sendall(
            b"HTTP/1.1 %b\r\nLocation: /elsewhere\r\nContent-Length: %d\r\n\r\n" % (status, length)
        )
        for number in range(200):
            connection.sendall(b" " * 1024 * 1024)
            sent.append(number)

    with (
        client(base_url=_serve(flood), retries=0) as calling,
        pytest.raises(ProtocolError, match="redirects"),
    ):
        calling.products.list()
    assert len(sent) < 100  # what the machine's own buffers take


@pytest.mark.fact(15)
@pytest.mark.parametrize("target", [b"/x", *TARGETS])
@pytest.mark.parametrize("status", [b"301 Moved", b"303 See Other", b"308 Permanent"])
def test_the_answer_to_a_roll_is_kept_whatever_its_status(target: bytes, status: bytes) -> None:
    answer = _redirect(target, status=status, body=NEW.encode())
    with client(base_url=_serve(answer), timeouts=Timeouts(1, 1)) as calling:
        reply = calling.roll_secret("stk_1")
    assert (reply.status, reply.body, reply.complete) == (int(status[:3]), NEW.encode(), True)
