"""The demo, as far as it can be tried without its processes: what it refuses to start over."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from demo_project.management.commands.demo import Command


@pytest.fixture
def state(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a demo that runs, with its database."""
    for name in ("SECRET_KEY", "PANDABASE_ENCRYPTION_KEYS"):
        monkeypatch.setenv(name, "given")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    folder = tmp_path / ".demo"
    folder.mkdir()
    (folder / "demo.sqlite3").write_text("rows of a running demo")
    settings.BASE_DIR, settings.STATE_DIR = tmp_path, folder
    return folder


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_refused_before_anything_is_deleted(state: Path, taken: int) -> None:
    with pytest.raises(CommandError, match=f"Port {taken} can't be used \\(Address already in use"):
        call_command(Command(), port=taken)
    assert (state / "demo.sqlite3").exists()


@pytest.mark.parametrize("once", [True, False])
def test_a_second_demo_deletes_nothing_of_the_first(state: Path, taken: int, once: bool) -> None:
    note = {"control_url": f"http://127.0.0.1:{taken}/_sandbox/x", "site": "http://127.0.0.1:8000"}
    (state / "running.json").write_text(json.dumps(note))
    with pytest.raises(CommandError, match=r"already: http://127.0.0.1:8000/admin/"):
        call_command(Command(), port=0, once=once)
    assert (state / "demo.sqlite3").exists()
