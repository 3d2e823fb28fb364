"""The command with --state, as a process that ends in all the ways in which processes end."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command

from tests.sandbox.http.test_server import start_command


class Running:
    """A process, and its store by the Bearer token."""

    def __init__(self, path: Path, *options: str) -> None:
        self.process = start_command("--state", str(path), *options)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.started: dict[str, Any] = json.loads(line)
        self.secret = self.started["tokens"][1]["secret"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        response = requests.request(
            method,
            f"{self.started['url']}/v2/core/stores/{self.started['store']}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.secret}"},
            timeout=10,
        )
        assert response.ok, response.text
        return response.json()["data"]

    def every(self, kind: str) -> list[str]:
        """The ids of all objects of a kind, in the order in which they were made."""
        url = f"{self.started['control_url']}/dump?kind={kind}"
        lines = requests.get(url, timeout=10).text.splitlines()
        return [json.loads(line)["id"] for line in lines]

    def end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.communicate(timeout=20)
        expected = -signal.SIGKILL if number == signal.SIGKILL else 0
        assert self.process.returncode == expected


SIGNALS = [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.thorough)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.thorough)]
)
def test_the_last_change_before_a_signal_is_kept(path: Path, number: signal.Signals) -> None:
    first = Running(path, "--products", "12", "--orders", "60", "--seed", "4")
    product = first.call("POST", "/categories", {"name": "Kept"})
    first.end(number)
    # What is seeded need not be said again.
    second = Running(path)
    assert second.started["store"] == first.started["store"]
    assert second.started["tokens"] == first.started["tokens"]
    assert second.call("GET", f"/categories/{product['id']}") == product
    assert second.call("GET", "/orders")["pagination"]["total"] == 60
    second.end(signal.SIGTERM)


@pytest.mark.thorough
def test_what_a_killed_process_had_answered_a_second_ago_is_kept(path: Path) -> None:
    first = Running(path, "--products", "12", "--orders", "60")
    changed = first.call("POST", "/categories", {"name": "Kept"})["id"]
    time.sleep(1.5)
    first.call("POST", "/categories", {"name": "Perhaps"})
    first.end(signal.SIGKILL)
    second = Running(path)
    names = [one["name"] for one in second.call("GET", "/categories")["items"]]
    assert "Kept" in names
    assert second.call("GET", f"/categories/{changed}")["name"] == "Kept"
    second.end(signal.SIGTERM)


@pytest.mark.thorough
def test_a_kill_at_any_moment_leaves_the_store_as_it_was_at_some_moment(path: Path) -> None:
    dice = random.Random(5)
    made: list[str] = []
    found: list[str] = []
    for _ in range(8):
        running = Running(path, "--products", "40", "--orders", "400")
        now = running.every("categories")
        assert now == made[: len(now)] or not made
        assert len(now) >= len(found)
        found, made = now, list(now)
        ends_at = time.monotonic() + dice.uniform(0.05, 2.5)
        while time.monotonic() < ends_at:
            made.append(running.call("POST", "/categories", {"name": "One more"})["id"])
        running.end(signal.SIGKILL)
    assert len(found) > 12


@pytest.mark.thorough
def test_a_webhook_endpoint_is_not_made_a_second_time(path: Path) -> None:
    options = ("--webhook-url", "http://127.0.0.1:9/hook", "--orders", "5", "--products", "2")
    webhooks = []
    for _ in range(2):
        running = Running(path, *options)
        webhooks.append(running.started["webhook"])
        assert running.call("GET", "/webhooks")["pagination"]["total"] == 1
        running.end(signal.SIGTERM)
    assert webhooks[0] == webhooks[1]


def test_a_file_that_is_in_use_or_of_another_store_is_named_in_one_sentence(path: Path) -> None:
    running = Running(path, "--orders", "5", "--products", "2")
    with pytest.raises(CommandError) as refused:
        call_command("pandabase_sandbox", "--state", str(path))
    assert str(refused.value) == f"{path} is used by another sandbox."
    assert refused.value.returncode == 2
    running.end(signal.SIGTERM)
    with pytest.raises(CommandError) as refused:
        call_command("pandabase_sandbox", "--state", str(path), "--orders", "6")
    assert str(refused.value) == (
        f"{path} holds a store with orders 5, not 6: give the same value or none, or another file."
    )
    path.write_text("hello")
    with pytest.raises(CommandError, match="is no state of a sandbox: give another file"):
        call_command("pandabase_sandbox", "--state", str(path))


@pytest.mark.thorough
def test_a_shutdown_by_the_control_path_keeps_all(path: Path) -> None:
    running = Running(path, "--orders", "5", "--products", "2")
    running.call("POST", "/categories", {"name": "Kept"})
    requests.post(f"{running.started['control_url']}/shutdown", timeout=10)
    running.process.communicate(timeout=20)
    assert running.process.returncode == 0
    again = Running(path)
    names = [one["name"] for one in again.call("GET", "/categories?limit=100")["items"]]
    assert "Kept" in names
    again.end(signal.SIGTERM)


def test_a_full_second_of_writes_is_one_or_two_files(path: Path) -> None:
    """Each change is answered at once; the file follows at most each second or so."""
    running = Running(path, "--orders", "50", "--products", "2")
    seen = set()
    ends_at = time.monotonic() + 2.0
    while time.monotonic() < ends_at:
        running.call("POST", "/categories", {"name": "One more"})
        seen.add(path.stat().st_ino)
    running.end(signal.SIGTERM)
    assert 2 <= len(seen) <= 4
