"""Signatures, against values that OpenSSL computed and against a second implementation."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from pandabase_django.api.auth import BearerAuth, HmacAuth, request_signature
from pandabase_django.crypto.secret import Secret

# Facts: (secret, body, signature), computed with the OpenSSL command line.
VECTORS = [
    (
        "sk_live_abc123",
        "",
        "7de3ade325949368dae90e7a238b4a2ca07fc7ad87cd5cf11696bc1e58fb4e3d",
    ),
    (
        "sk_live_abc123",
        '{"name":"New Product","amount":2999,"type":"ONE_TIME"}',
        "0fe7dd0edb8678e5e861c37915af40ee78611a51c97ff38979a535fe7851f8b3",
    ),
    (
        "sk_live_abc123",
        '{"name": "New Product", "amount": 2999, "type": "ONE_TIME"}',
        "92c3ad105b7c380a4ca8595c140665d0159f53c797c56607f06a7cee29909045",
    ),
    (
        "sk_live_abc123",
        '{"title":"Crème brûlée ☕ 🐼"}',
        "794a8330db96e7f0610494c591c4b055a41b3f1f3040866f7a9acd7dc7a1f481",
    ),
    (
        "sk_live_0123456789abcdefghijklmnopqrstuvwxyz",
        '{"price":0}',
        "7831492c2db6c81091201c97a58125587b2b54778434f4ca1a2c21ed15da2f16",
    ),
    (
        "sk_test_Z",
        'line1\nline2\r\n\t{"a":[1,2,3]}\n',
        "baf08c95134c602a6d2344d2207d71600e1e3e0812f25a8be33297f6713ba50f",
    ),
]


@pytest.mark.fact(5)
@pytest.mark.parametrize(("secret", "body", "signature"), VECTORS)
def test_signatures_equal_those_of_openssl(secret: str, body: str, signature: str) -> None:
    assert request_signature(body.encode(), secret=Secret(secret)) == signature


@pytest.mark.fact(5)
@given(st.binary(max_size=300), st.text(min_size=1, max_size=60))
def test_signatures_equal_a_second_implementation(body: bytes, text: str) -> None:
    text = text.encode("utf-8", "ignore").decode() or "x"
    inner = hashlib.sha256(text.encode()).hexdigest().encode("ascii")
    assert request_signature(body, secret=Secret(text)) == hmac.digest(inner, body, "sha256").hex()


class _Recorder(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    running = HTTPServer(("127.0.0.1", 0), _Recorder)
    running.seen = []  # type: ignore[attr-defined]
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.mark.fact(5)
@pytest.mark.parametrize("body", [None, b"", b'{"a": 1}', "text: é", {"form": "field"}])
def test_what_arrives_is_what_was_signed(server: HTTPServer, body: object) -> None:
    url = f"http://127.0.0.1:{server.server_port}/"
    with requests.Session() as session:
        session.trust_env = False
        session.post(url, data=body, auth=HmacAuth("stk_1", Secret("sk_a")), timeout=5)  # type: ignore[arg-type]
    headers, received = server.seen[-1]  # type: ignore[attr-defined]
    assert headers["Authorization"] == "Bearer stk_1"
    assert headers["X-Signature"] == request_signature(received, secret=Secret("sk_a"))


@pytest.mark.fact(6)
def test_one_signature_stands_for_every_request_without_a_body() -> None:
    signed = {
        HmacAuth("stk_1", Secret("sk_a"))(
            requests.Request(method, f"http://127.0.0.1{path}").prepare()
        ).headers["X-Signature"]
        for method in ("GET", "DELETE", "POST")
        for path in ("/a", "/b?page=2")
    }
    assert signed == {request_signature(b"", secret=Secret("sk_a"))}


def test_a_streamed_body_is_refused() -> None:
    request = requests.Request("POST", "http://127.0.0.1", data=iter([b"a"]))
    with pytest.raises(TypeError, match="streamed"):
        HmacAuth("stk_1", Secret("sk_a"))(request.prepare())


@pytest.mark.fact(4)
def test_bearer_mode_sends_the_secret_and_no_repr_shows_it() -> None:
    request = requests.Request("GET", "http://127.0.0.1").prepare()
    secret = Secret("sk_test_shown_nowhere_else")
    assert BearerAuth(secret)(request).headers["Authorization"] == f"Bearer {secret.reveal()}"
    assert "shown" not in repr(BearerAuth(secret)) + repr(HmacAuth("stk_1", secret))
