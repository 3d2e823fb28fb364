"""Who reads a command's output may leave, as ``head`` does: no traceback, and no half work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class

from pandabase_django.management.exits import PandabaseCommand
from pandabase_django.models import ApiToken, Store
from tests.sync.world import sync_of

ROOT = Path(__file__).parents[2]
OURS = sorted(name for name, app in get_commands().items() if app == "pandabase_django")


@pytest.fixture
def nobody_reads() -> Iterator[TextIO]:
    """A stream that was opened for somebody who has left."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", buffering=1) as stream:
        yield stream


def run(name: str, *arguments: str, out: TextIO) -> int:
    command = type(load_command_class("pandabase_django", name))(stdout=out, stderr=out)
    try:
        call_command(command, *arguments)
    except CommandError as error:
        return error.returncode
    return 0


def test_every_command_stands_on_the_one_that_decides_this() -> None:
    assert len(OURS) > 10
    others = [
        n
        for n in OURS
        if not isinstance(load_command_class("pandabase_django", n), PandabaseCommand)
    ]
    assert others == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["pandabase_close", "--month", "2020-01", "--format", "csv"], 4),
        (["pandabase_close", "--month", "2020-01"], 4),
        (["pandabase_person", "--email", "nobody@example.com", "--export"], 0),
        (["pandabase_sync", "--audit", "--full", "--format", "json"], 0),
        (["pandabase_sync", "--dry-run"], 0),
        (["pandabase_test_connection"], 0),
        (["pandabase_reseal", "--check"], 0),
    ],
)
def test_the_exit_code_is_that_of_the_work(
    store: Store, nobody_reads: TextIO, arguments: list[str], code: int
) -> None:
    for resource in ("products", "orders", "ledger"):
        sync_of(store, resource)
    assert run(*arguments, out=nobody_reads) == code


@pytest.mark.django_db(transaction=True)
def test_a_rotation_is_not_stopped_between_its_commit_and_its_request(
    token: ApiToken, nobody_reads: TextIO
) -> None:
    before = token.secret_version
    arguments = ("--token", str(token.pk), "--reason", "yearly", "--no-input")
    assert run("pandabase_rotate_secret", *arguments, out=nobody_reads) == 0
    token.refresh_from_db()
    assert token.secret_version == before + 1


@pytest.mark.parametrize("name", ["pandabase_generate_key", "pandabase_check"])
def test_python_ends_without_a_word_on_what_was_not_written(
    name: str, nobody_reads: TextIO
) -> None:
    # The database has no table: `pandabase_check` has something to say.
    done = subprocess.run(
        [sys.executable, "manage.py", name],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": "sqlite://:memory:", "PYTHONPATH": str(ROOT)},
        stdout=nobody_reads,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert "BrokenPipe" not in done.stderr
    assert done.returncode in (0, 1)
