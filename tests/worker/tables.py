"""The tables of shops with processes of their own: migrated once a test run, then copied."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

__all__ = ["begin", "copy_file", "empty_database", "fresh_database", "remove", "server"]

# Inherited by the processes of pytest-xdist, so that all of them share what one has made.
_RUN = "PANDABASE_TEST_RUN"


def begin() -> None:
    """Give the run its name, before its processes start."""
    os.environ[_RUN] = uuid.uuid4().hex[:12]


def copy_file(target: Path) -> None:
    """Make an SQLite database with the tables."""
    with _alone() as folder:
        made = folder / "tables.sqlite3"
        if not made.exists():
            _migrate(f"sqlite:///{made}")
    shutil.copy(made, target)


def server() -> str:
    """URL of a PostgreSQL. What needs it takes long, and so runs where one is named, as CI does."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        pytest.skip("DATABASE_URL names no PostgreSQL; CI does")
    return url


@contextmanager
def fresh_database() -> Iterator[str]:
    """URL of a database with the tables and no rows, on the server that DATABASE_URL names."""
    url = server()
    with _alone() as folder:
        if not (folder / "postgres").exists():
            _run_sql(url, f'CREATE DATABASE "{_template()}"')
            _migrate(_of(url, _template()))
            (folder / "postgres").write_text(url)
    with _alone():  # one copy at a time
        name = _create(url, f' TEMPLATE "{_template()}"')
    yield from _dropped_at_the_end(url, name)


@contextmanager
def empty_database() -> Iterator[str]:
    """URL of a database without a table, on the same server."""
    url = server()
    yield from _dropped_at_the_end(url, _create(url))


def remove() -> None:
    """What the run has made, when all of its processes have ended."""
    if (_folder() / "postgres").exists():
        url = (_folder() / "postgres").read_text()
        _run_sql(url, f'DROP DATABASE IF EXISTS "{_template()}" WITH (FORCE)')
    shutil.rmtree(_folder(), ignore_errors=True)


@contextmanager
def _alone() -> Iterator[Path]:
    import fcntl  # not on Windows, where nothing else of the suite needs it

    folder = _folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / f"pandabase-tables-{os.environ[_RUN]}"


def _create(url: str, options: str = "") -> str:
    name = f"pandabase_shop_{uuid.uuid4().hex[:12]}"
    _run_sql(url, f'CREATE DATABASE "{name}"{options}')
    return name


def _dropped_at_the_end(url: str, name: str) -> Iterator[str]:
    try:
        yield _of(url, name)
    finally:
        _run_sql(url, f'DROP DATABASE "{name}" WITH (FORCE)')


def _template() -> str:
    return f"pandabase_tables_{os.environ[_RUN]}"


def _of(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _run_sql(url: str, statement: str) -> None:
    import psycopg  # part of the suite runs without it

    with psycopg.connect(url, autocommit=True, connect_timeout=3) as admin:
        admin.execute(statement)  # type: ignore[call-overload]


def _migrate(url: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--verbosity", "0"],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.worker.settings",
            "CELERY_BROKER_URL": "memory://",
            "DATABASE_URL": url,
        },
        cwd=Path(__file__).resolve().parents[2],
        check=True,
    )
