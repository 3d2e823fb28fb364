"""What stops a run is told in one sentence where it is nobody's fault."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest
from django.db import (
    DataError,
    Error,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
)

from pandabase_django.exceptions import DatabaseAway
from pandabase_django.models import Store, SyncRun
from pandabase_django.services.sync.run.failures import attempt, without_database
from pandabase_django.services.sync.run.recorder import Recorder

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("of_a_store")]

NOW = datetime(2026, 5, 1, tzinfo=timezone.utc)


class FromPostgreSQL(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


def new_run() -> SyncRun:
    return SyncRun(
        store=Store(id="shp_a"), resource="orders", started_at=NOW, heartbeat_at=NOW, dry_run=True
    )


def ended_by(
    sqlstate: str, kind: type[Error] = InternalError, *, run: SyncRun | None = None
) -> Exception | None:
    """How a run ends whose statement met this, on a connection that works again."""

    def work() -> SyncRun.State:
        raise kind("refused: secret@example.com") from FromPostgreSQL(sqlstate)

    connection.ensure_connection()  # an earlier test's may have been closed
    return attempt(Recorder(run or new_run(), on_progress=lambda run: None), work).error


def test_a_session_ended_for_idling_in_a_transaction_is_a_database_out_of_reach() -> None:
    assert isinstance(ended_by("25P03"), DatabaseAway)


def test_a_connection_that_was_closed_is_a_database_out_of_reach() -> None:
    assert isinstance(ended_by("", InterfaceError), DatabaseAway)


def test_any_other_internal_error_is_raised() -> None:
    with pytest.raises(InternalError):
        ended_by("25P02")


@pytest.mark.parametrize("sqlstate", ["08006", "57P01", "53300"])
def test_what_passes_by_itself_is_a_database_out_of_reach(sqlstate: str) -> None:
    assert isinstance(ended_by(sqlstate, OperationalError), DatabaseAway)


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [("54000", OperationalError), ("54001", OperationalError), ("22021", DataError)],
)
def test_what_the_database_refuses_is_not_called_out_of_reach(
    sqlstate: str, kind: type[Error]
) -> None:
    run = new_run()
    with pytest.raises(kind):
        ended_by(sqlstate, kind, run=run)
    assert run.state == "FAILED"
    assert f"The database refused what was to be written or read ({kind.__name__} {sqlstate})" in (
        run.error
    )
    assert "secret" not in run.error


@pytest.mark.skipif(connection.vendor == "sqlite" and sys.version_info < (3, 11), reason="no name")
def test_a_statement_that_is_wrong_is_not_called_out_of_reach() -> None:
    run = new_run()

    def work() -> SyncRun.State:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM pandabase_nothing_of_this_name")
        return SyncRun.State.COMPLETED

    connection.ensure_connection()
    with pytest.raises(Error):
        attempt(Recorder(run, on_progress=lambda run: None), work)
    assert "The database refused" in run.error


@pytest.mark.parametrize("attribute", ["sqlstate", "pgcode"])
@pytest.mark.parametrize(
    ("state", "says", "comes_again"),
    [
        ("40001", "serialization failure", True),
        ("40P01", "deadlock", True),
        ("55P03", "lock_timeout", True),
        ("57014", "statement_timeout", False),
    ],
)
def test_a_database_that_answers_is_not_out_of_reach(
    attribute: str, state: str, says: str, comes_again: bool
) -> None:
    error = OperationalError("the driver's own words")
    error.__cause__ = Exception()
    setattr(error.__cause__, attribute, state)
    run = new_run()
    result = without_database(run, error)
    assert result is not None
    assert says in run.error
    assert "out of reach" not in run.error
    assert (result.retry_after_seconds is not None) is comes_again


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has other names")
def test_a_busy_sqlite_is_told_as_busy(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "busy")) as one:
        one.execute("BEGIN IMMEDIATE")
        with (
            closing(sqlite3.connect(tmp_path / "busy", timeout=0)) as two,
            pytest.raises(sqlite3.OperationalError) as refused,
        ):
            two.execute("BEGIN IMMEDIATE")
    error = OperationalError(*refused.value.args)
    error.__cause__ = refused.value
    run = new_run()
    result = without_database(run, error)
    assert result is not None
    assert "busy" in run.error
    assert result.retry_after_seconds is not None
