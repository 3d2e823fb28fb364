from __future__ import annotations

import ast
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from django.core.management import CommandError, call_command

from pandabase_django import sandbox as package
from pandabase_django.sandbox import NotLoopback, Sandbox
from tests.sandbox.conftest import Caller

ROOT = Path(__file__).parents[3]


def test_only_loopback_unless_forced() -> None:
    with pytest.raises(NotLoopback):
        Sandbox(host="0.0.0.0")


def test_a_store_cannot_be_smaller_than_empty() -> None:
    with pytest.raises(ValueError, match="negative"):
        Sandbox(orders=-1)


def test_latency_is_spent_on_every_answer(caller: Caller) -> None:
    caller.sandbox.set(latency_ms=120)
    started = time.perf_counter()
    caller.get("")
    assert time.perf_counter() - started >= 0.12


def test_one_connection_serves_many_requests_even_pipelined(sandbox: Sandbox) -> None:
    token = sandbox.bearer_token
    one = (
        f"GET /v2/core/stores/{sandbox.store_id} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {token.secret}\r\n\r\n"
    ).encode()
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(one * 3)
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < 3:
            piece = connection.recv(65_536)
            assert piece
            received += piece


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    ],
)
def test_bytes_that_are_no_request_are_refused(sandbox: Sandbox, raw: bytes, status: int) -> None:
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(raw)
        assert connection.recv(64).startswith(f"HTTP/1.1 {status} ".encode())


def test_the_sandbox_imports_neither_django_nor_the_code_it_checks() -> None:
    folder = Path(package.__file__).parent
    for module in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                root = name.split(".")[0]
                assert name.startswith("pandabase_django.sandbox") or (
                    root in sys.stdlib_module_names
                ), f"{module.name} imports {name}"


def start_command(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "django", "pandabase_sandbox", *options],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_sells_as_its_options_say() -> None:
    options = ("--session-id-field", "session_id", "--least-item-cents", "1", "--tax-included")
    with start_command("--async-payment-seconds", "0", *options) as process:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        answer = requests.post(
            f"{started['url']}/v2/stores/{started['store']}/checkouts",
            json={"items": [{"name": "x", "amount": 1, "quantity": 100}]},
            timeout=10,
        )
        assert answer.json()["data"]["session_id"].startswith("cs_")
        settings = requests.get(f"{started['control_url']}/settings", timeout=10).json()["data"]
        assert (settings["async_payment_seconds"], settings["tax_included"]) == (0, True)
        process.terminate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_one_line_and_ends_on_a_signal(number: signal.Signals) -> None:
    with start_command("--orders", "40", "--products", "3", "--seed", "9") as process:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        assert started["store"].startswith("shp_")
        assert [token["mode"] for token in started["tokens"]] == ["HMAC", "BEARER"]
        secret = started["tokens"][1]["secret"]
        answer = requests.get(
            f"{started['url']}/v2/core/stores/{started['store']}/orders",
            headers={"Authorization": f"Bearer {secret}"},
            timeout=10,
        )
        assert answer.json()["data"]["pagination"]["total"] == 40
        counts = requests.get(f"{started['control_url']}/counts", timeout=10).json()["data"]
        assert counts["products"] == 3
        process.send_signal(number)
        rest, errors = process.communicate(timeout=10)
        assert (process.returncode, rest, errors) == (0, "", "")


def test_the_command_refuses_a_public_address() -> None:
    with start_command("--host", "0.0.0.0") as process:
        _, errors = process.communicate(timeout=20)
        assert process.returncode != 0
        assert "not a loopback address" in errors


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--port", "99999"), "Port must be 0 to 65535."),
        (("--port", "-1"), "Port must be 0 to 65535."),
        (("--products", "-1"), "can't be negative."),
        (("--rate-limit", "-5"), "Rate_limit can't be negative."),
        (("--latency-ms", "nan"), "Latency_ms must be a finite number."),
        (("--webhook-time-factor", "inf"), "must be a finite number."),
        (("--host", "nosuch.invalid"), "Can't listen on nosuch.invalid, port 0: "),
        (("--host", "0.0.0.0"), "0.0.0.0 is not a loopback address."),
        (("--webhook-url", "ftp://127.0.0.1/x"), "--webhook-url: "),
        (("--webhook-url", "http://192.0.2.1/x"), "add --webhook-public."),
    ],
)
def test_a_wrong_call_is_one_sentence_and_exit_code_2(options: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("pandabase_sandbox", *options)
    assert refused.value.returncode == 2
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_taken_port_is_named() -> None:
    with Sandbox(products=1, orders=1) as running:
        port = running.url.rpartition(":")[2]
        with start_command("--port", port) as process:
            out, errors = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    said = f"Can't listen on 127.0.0.1, port {port}: Address already in use."
    assert errors.startswith(f"CommandError: {said}")
    assert errors.count("\n") == 1


def test_head_has_no_body(sandbox: Sandbox) -> None:
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"HEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert received.startswith(b"HTTP/1.1 401 ")
    assert received.endswith(b"\r\n\r\n")
