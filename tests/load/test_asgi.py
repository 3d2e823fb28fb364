"""A real uvicorn with `bounded` deliveries, and a real gunicorn, answer the same."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pandabase_django.models import RefusedDeliveries, WebhookDelivery, WebhookEndpoint
from tests.load.deliveries import delivery, head
from tests.load.sender import Shot, send
from tests.load.server import Gunicorn, Uvicorn

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.django_db(transaction=True),
]

Environment = dict[str, str]
Served = Gunicorn | Uvicorn
WSGI = ("--workers", "1", "--worker-class", "gthread", "--threads", "8")
SERVERS: dict[str, Callable[[Environment], Served]] = {
    "gunicorn": lambda environment: Gunicorn(environment, *WSGI),
    "bounded": lambda environment: Uvicorn(environment, "application"),
    "sub-path": lambda environment: Uvicorn(environment, "application", "--root-path", "/shop"),
}


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, environment: Environment) -> Iterator[Served]:
    with SERVERS[request.param](environment) as running:
        yield running


@pytest.fixture
def bounded(environment: Environment) -> Iterator[Served]:
    with SERVERS["bounded"](environment) as running:
        yield running


def statuses(server: Served, *requests: bytes) -> list[int]:
    return [send(server.port, [Shot(0, lambda: raw)])[0].status for raw in requests]  # noqa: B023


def test_each_server_answers_as_the_page_says(server: Served, endpoint: WebhookEndpoint) -> None:
    good = delivery(endpoint.pk, "evt_1")()
    answered = statuses(
        server,
        good,
        good,
        delivery(endpoint.pk, "evt_2", secret="guessed")(),
        delivery("0" * 40, "evt_3")(),
        delivery(f"{endpoint.pk}/", "evt_4")(),
        good.replace(b"POST ", b"PUT ", 1),
        head(endpoint.pk, {}, length=262_145),
        head(endpoint.pk, {}, length=2) + b"{}",
    )
    assert answered == [200, 200, 401, 401, 200, 405, 413, 401]
    rows = WebhookDelivery.objects.order_by("event_id")
    assert list(rows.values_list("event_id", flat=True)) == ["evt_1", "evt_4"]
    refused = RefusedDeliveries.objects.get(pk=endpoint.pk)
    deadline = time.monotonic() + 10
    while "too-large" not in str(refused.counts):  # it is noted after the answer
        assert time.monotonic() < deadline, refused.counts
        refused.refresh_from_db()
    (newest,) = (note for note in refused.newest if note["reason"] == "too-large")
    assert newest["peer"] == "127.0.0.1"
    assert newest["headers"]["Content-Length"] == "262145"


def chunked(raw: bytes, *, pieces: int) -> bytes:
    start, body = raw.split(b"\r\n\r\n", 1)
    lines = [line for line in start.split(b"\r\n") if not line.startswith(b"Content-Length")]
    size = -(-len(body) // pieces)
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    encoded = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    head_lines = b"\r\n".join([*lines, b"Transfer-Encoding: chunked"])
    return head_lines + b"\r\n\r\n" + encoded + b"0\r\n\r\n"


def test_a_body_without_a_length_is_taken(bounded: Served, endpoint: WebhookEndpoint) -> None:
    assert statuses(bounded, chunked(delivery(endpoint.pk, "evt_1")(), pieces=9)) == [200]
    big = head(endpoint.pk, {}, length=0) + b"x" * 300_000
    with connected(bounded) as sender:
        sender.sendall(chunked(big, pieces=9))
        assert sender.recv(1000).startswith(b"HTTP/1.1 413 ")
    assert WebhookDelivery.objects.count() == 1


@contextmanager
def connected(server: Served) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sender:
        yield sender


def test_the_connection_goes_on_after_a_good_one_and_ends_after_a_refused_one(
    bounded: Served, endpoint: WebhookEndpoint
) -> None:
    def going_on(name: str) -> bytes:
        return delivery(endpoint.pk, name)().replace(b"Connection: close", b"Connection: x")

    with connected(bounded) as sender:
        for number in range(2):
            sender.sendall(going_on(f"evt_{number}"))
            assert sender.recv(1000).startswith(b"HTTP/1.1 200 ")
        large = head(endpoint.pk, {}, length=262_145)
        sender.sendall(large.replace(b"Connection: close", b"Connection: x"))
        answer = b""
        while piece := sender.recv(1000):
            answer += piece
        assert answer.startswith(b"HTTP/1.1 413 ")


def test_who_hangs_up_after_the_body_has_delivered(
    bounded: Served, endpoint: WebhookEndpoint
) -> None:
    for number in range(5):
        with connected(bounded) as sender:
            sender.sendall(delivery(endpoint.pk, f"evt_{number}")())
        with connected(bounded) as sender:  # and who hangs up before is nothing
            sender.sendall(delivery(endpoint.pk, f"evt_cut{number}")()[:-1])
    deadline = time.monotonic() + 10
    while WebhookDelivery.objects.count() < 5:
        assert time.monotonic() < deadline
    assert statuses(bounded, delivery(endpoint.pk, "evt_last")()) == [200]
    assert WebhookDelivery.objects.count() == 6
    assert [line for line in bounded.log if "Traceback" in line] == []


def test_a_hundred_at_once_are_taken_in_with_few_connections(
    bounded: Served, endpoint: WebhookEndpoint
) -> None:
    shots = [Shot(0, delivery(endpoint.pk, f"evt_{n}")) for n in range(100)]
    assert {outcome.status for outcome in send(bounded.port, shots)} == {200}
    assert WebhookDelivery.objects.count() == 100
