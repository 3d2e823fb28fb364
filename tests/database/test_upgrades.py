"""The database of each released version becomes this version's, with all its rows and secrets."""

from __future__ import annotations

import json
import lzma
import os
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.database.next_version import LAST
from tests.database.released.make import FOLDER, LOOK, ROOT, migrations
from tests.worker import tables

# `make soak-upgrade` asks for a million.
ORDERS = int(os.environ.get("PANDABASE_SOAK_ORDERS", "20000"))

each_version = pytest.mark.parametrize(
    "version", sorted(path.stem for path in FOLDER.glob("*.json"))
)


def test_each_release_was_kept() -> None:
    dated = re.findall(r"^## (\d+\.\d+\.0) - ", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert [version for version in dated if not (FOLDER / f"{version}.json").exists()] == []


@each_version
def test_a_released_migration_is_never_edited(version: str) -> None:
    released = json.loads((FOLDER / f"{version}.json").read_text())["migrations"]
    assert released.items() <= migrations().items()
    assert "0001_initial" in released


@pytest.mark.thorough
@each_version
def test_a_kept_sqlite_is_upgraded(version: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "kept.sqlite3") as database:
        database.executescript(kept(version, "sqlite"))
    check(version, "sqlite", *(f"sqlite:///{tmp_path / name}.sqlite3" for name in ("kept", "new")))


@pytest.mark.thorough
@pytest.mark.postgres
@each_version
def test_a_kept_postgresql_is_upgraded(version: str) -> None:
    with tables.empty_database() as url, tables.empty_database() as new:
        _load(version, url)
        check(version, "postgresql", url, new)


@pytest.mark.thorough
@pytest.mark.postgres
def test_a_next_version_is_migrated_to_and_back_beside_a_worker_of_this_one() -> None:
    versions = [path.stem for path in FOLDER.glob("*.json")]
    version = max(versions, key=lambda name: [int(part) for part in name.split(".")])
    key = json.loads((FOLDER / f"{version}.json").read_text())["key"]
    this, following = Running(key), Running(key, "tests.database.released.next_settings")
    with tables.empty_database() as url:
        _load(version, url, ORDERS)
        this.manage(url, "migrate", "--verbosity", "0")
        before = this.look(url, "--schema")["schema"]
        worker = this.start(url, "-m", "tests.database.released.worker")
        try:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "writing\n"
            began = time.monotonic()
            following.manage(url, "migrate", "--verbosity", "0")
            there = time.monotonic() - began
            assert this.look(url, "--schema")["schema"] != before
            following.manage(url, "migrate", "pandabase", LAST, "--verbosity", "0")
        finally:
            told, errors = worker.communicate(timeout=60)
        assert worker.returncode == 0, errors
        seen = json.loads(told)
        sys.stderr.write(f"{ORDERS} orders, migrated in {there:.1f} s: {seen}\n")
        assert seen["writes"] > 50
        assert seen["worst_seconds"] < 1
        assert this.look(url, "--schema")["schema"] == before


def _load(version: str, url: str, orders: int = 0) -> None:
    """The kept database, with so many copies of its orders."""
    import psycopg  # part of the suite runs without it

    with psycopg.connect(url, autocommit=True) as database:
        database.execute(kept(version, "postgresql"))  # type: ignore[call-overload]
        database.execute("SET search_path TO public")
        found = database.execute("SELECT * FROM pandabase_order LIMIT 1")
        names = [column.name for column in found.description or () if column.name != "id"]
        columns = ", ".join(f'"{name}"' for name in names)
        database.execute(  # type: ignore[call-overload]
            f"INSERT INTO pandabase_order (id, {columns}) SELECT id || '-' || n, {columns} "
            "FROM (SELECT * FROM pandabase_order LIMIT 100) AS kept, "
            f"generate_series(1, {orders // 100}) AS n"
        )
        database.execute("ANALYZE")


def kept(version: str, engine: str) -> str:
    return lzma.decompress((FOLDER / f"{version}-{engine}.sql.xz").read_bytes()).decode()


def check(version: str, engine: str, url: str, new: str) -> None:
    told = json.loads((FOLDER / f"{version}.json").read_text())
    before, run = told[engine], Running(told["key"])
    for each in (url, new):
        run.manage(each, "migrate", "--verbosity", "0")
    after, fresh = run.look(url, "--pages"), run.look(new)
    assert after["schema"] == fresh["schema"]
    # A later version may have tables that the released one had not.
    assert {name: after["rows"][name] for name in before["rows"]} == before["rows"]
    assert sum(before["rows"].values()) > 500
    assert after["secrets"] == before["secrets"] != {}
    assert after["pages"] == {}


class Running:
    """Processes with the settings of the shop that was kept."""

    def __init__(self, key: str, settings: str = "demo_project.settings") -> None:
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": settings,
            "CACHE_URL": "locmemcache://",
            "PANDABASE_ENCRYPTION_KEYS": key,
            "PANDABASE_API_URL": "http://127.0.0.1:9",
            "SECRET_KEY": "only-for-the-tests",
        }

    def look(self, url: str, *arguments: str) -> Any:
        return json.loads(self._run(url, *LOOK, *arguments))

    def manage(self, url: str, *arguments: str) -> None:
        self._run(url, "manage.py", *arguments)

    def start(self, url: str, *arguments: str) -> subprocess.Popen[str]:
        environment = {**self.environment, "DATABASE_URL": url}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [sys.executable, *arguments], env=environment, cwd=ROOT, text=True, **pipes
        )

    def _run(self, url: str, *arguments: str) -> str:
        process = self.start(url, *arguments)
        told, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
        return told
