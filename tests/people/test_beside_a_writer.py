"""On SQLite one process writes at a time: an erasure of many orders leaves others their turn."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from tests.people.beside import ADDRESS

ORDERS = 2_500
# Django's own default is five seconds.
OTHER_WAITS_SECONDS = 2.0
WRITES_AT_LEAST = 10


def in_a_process(file: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{file}",
        "DJANGO_SETTINGS_MODULE": "tests.people.beside_settings",
    }
    command = [sys.executable, "-m", "tests.people.beside", *arguments]
    return subprocess.Popen(command, env=environment)


@pytest.mark.thorough
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has a queue for each lock")
def test_another_process_writes_while_many_orders_are_erased(tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite3"
    assert in_a_process(file, "fill", str(ORDERS)).wait() == 0
    other = sqlite3.connect(file, isolation_level=None, timeout=OTHER_WAITS_SECONDS)
    writes = 0
    erasing = in_a_process(file, "erase")
    try:
        while erasing.poll() is None:
            # One that does not get its turn in time raises "database is locked".
            other.execute("UPDATE pandabase_store SET note = ?", [str(writes)])
            writes += 1
            time.sleep(0.02)
    finally:
        erasing.kill()
    assert erasing.wait() == 0
    assert writes >= WRITES_AT_LEAST
    (left,) = other.execute(
        "SELECT count(*) FROM pandabase_order WHERE payload LIKE ?", [f"%{ADDRESS}%"]
    ).fetchone()
    other.close()
    assert left == 0
