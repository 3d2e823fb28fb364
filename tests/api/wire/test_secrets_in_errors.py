"""No error of a request holds what the remote answered, or what was sent to it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
import responses

from pandabase_django.api.auth import BearerAuth
from pandabase_django.api.wire.timeouts import Timeouts
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import PandabaseError, TransportError
from tests.api.wire.sending import URL, client
from tests.api.wire.test_broken_answers import _serve
from tests.frames import shown_by

CANARY = "whk_secret_canary_f00dfeedbeef"
SENT = "sk_test_abcdefgh"
REGISTERED: dict[str, Any] = {"id": "whk_1", "url": "https://shop.example.com", "secret": CANARY}


def _answer(
    body: bytes, *, status: str = "200 OK", length: int | None = None
) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        size = len(body) if length is None else length
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n".encode() + body)

    return answer


def _json(content: object, **options: Any) -> Callable[[socket.socket], None]:
    return _answer(json.dumps(content).encode(), **options)


def _flood(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
    connection.sendall(CANARY.encode())
    for _ in range(99):
        connection.sendall(b" " * 1_000_000)


def _drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
    connection.sendall(CANARY.encode())
    for _ in range(60):
        connection.sendall(b" ")
        connection.settimeout(0.1)
        try:
            connection.recv(1)
        except TimeoutError:
            continue


GOOD = {"ok": True, "data": REGISTERED}
ANSWERS: dict[str, Callable[[socket.socket], None]] = {
    "not ok": _json({**GOOD, "ok": False}),
    "no envelope": _json(REGISTERED),
    "a list": _json([REGISTERED]),
    "no id": _json({"ok": True, "data": {"secret": CANARY}}),
    "an odd id": _json({"ok": True, "data": {"id": [CANARY], "secret": CANARY}}),
    "nested": _json({"ok": True, "data": {"webhook": REGISTERED}}),
    "the secret alone": _json({"ok": True, "data": CANARY}),
    "no secret": _json({"ok": True, "data": {"id": "whk_1", "key": CANARY}}),
    "not JSON": _answer(CANARY.encode()),
    "cut JSON": _answer(json.dumps(GOOD).encode()[:-2]),
    "not UTF-8": _answer(json.dumps(GOOD).encode() + b"\xff"),
    "broken off": _json(GOOD, length=5000),
    "a flood": _flood,
    "a drip": _drip,
    "refused": _json({"ok": False, "error": "no", "data": REGISTERED}, status="400 Bad Request"),
    "a server error": _json(GOOD, status="500 Oops"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_frame_and_no_context_holds_the_answer_to_a_registration(answer: str) -> None:
    url = _serve(ANSWERS[answer])
    timeouts = Timeouts(connect_seconds=0.5, read_seconds=0.6)
    with (
        client(base_url=url, timeouts=timeouts, retries=0) as calling,
        pytest.raises(PandabaseError) as caught,
    ):
        calling.webhooks.create(
            {"url": "https://shop.example.com", "eventTypes": ["PAYMENT_COMPLETED"]}
        )
    shown = shown_by(caught.value)
    assert CANARY not in shown
    assert SENT not in shown


@pytest.mark.pandabase_network
@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://host.invalid"])
def test_no_frame_and_no_context_of_a_connection_holds_the_credential(url: str) -> None:
    with client(base_url=url, retries=0) as calling, pytest.raises(PandabaseError) as caught:
        calling.products.list()
    assert SENT not in shown_by(caught.value)


class SoftTimeLimitExceeded(Exception):
    """As Celery's, which is an Exception and comes anywhere."""


@pytest.mark.parametrize("end", ["\n", "\r\nX-Other: 1", " é", "\u20ac", "\ud800", "\x00"])
def test_a_credential_that_no_header_takes_is_a_clear_error_without_it(end: str) -> None:
    auth = BearerAuth(Secret(SENT + end))
    with (
        client(base_url="http://127.0.0.1:9", auth=auth) as calling,
        pytest.raises(TransportError) as caught,
    ):
        calling.products.list()
    error = caught.value
    assert SENT not in shown_by(error)
    if "refused" not in str(error):  # http.client takes some of them
        assert (error.executed, error.retryable) == (False, False)


@pytest.mark.parametrize("interrupt", [SoftTimeLimitExceeded, KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes_and_shows_no_credential(
    remote: responses.RequestsMock, interrupt: type[BaseException]
) -> None:
    def stop(_request: Any) -> Any:
        raise interrupt("enough")

    remote.add_callback("GET", URL, stop)
    with pytest.raises(interrupt, match="enough") as caught:
        client().products.list()
    assert SENT not in shown_by(caught.value)
