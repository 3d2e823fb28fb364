"""Many small transactions, one after the other, leave room for another writer."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest
from django.db import connection

from pandabase_django.database.pace import Pace

HELD_SECONDS = 0.05


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has a queue for each lock")
def test_another_writer_of_sqlite_gets_its_turn(tmp_path: Path) -> None:
    file, ended = tmp_path / "db.sqlite3", threading.Event()

    def write_on_and_on() -> None:
        busy, pace = sqlite3.connect(file, isolation_level=None, timeout=20), Pace()
        while not ended.is_set():
            busy.execute("BEGIN IMMEDIATE")
            time.sleep(HELD_SECONDS)
            busy.execute("COMMIT")
            pace.rest()
        busy.close()

    thread = threading.Thread(target=write_on_and_on)
    thread.start()
    other = sqlite3.connect(file, isolation_level=None, timeout=20)
    try:
        for _ in range(4):
            began = time.monotonic()
            other.execute("BEGIN IMMEDIATE")
            other.execute("COMMIT")
            # Without a pause this is a matter of luck, and may take half a minute.
            assert time.monotonic() - began < 2
            time.sleep(2 * HELD_SECONDS)
    finally:
        ended.set()
        thread.join()
        other.close()
