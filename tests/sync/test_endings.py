"""What stops a run is told in one sentence where it is nobody's fault."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from django.db import InternalError, connection

from pandabase_django.exceptions import DatabaseAway
from pandabase_django.models import Store, SyncRun
from pandabase_django.services.sync.endings import attempt
from pandabase_django.services.sync.recorder import Recorder

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 5, 1, tzinfo=timezone.utc)


class FromPostgreSQL(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


def ended_by(sqlstate: str) -> Exception | None:
    """How a run ends whose statement met this, on a connection that works again."""
    run = SyncRun(
        store=Store(id="shp_a"), resource="orders", started_at=NOW, heartbeat_at=NOW, dry_run=True
    )

    def work() -> SyncRun.State:
        raise InternalError("refused") from FromPostgreSQL(sqlstate)

    connection.ensure_connection()  # an earlier test's may have been closed
    return attempt(Recorder(run, on_progress=lambda run: None), work).error


def test_a_session_ended_for_idling_in_a_transaction_is_a_database_out_of_reach() -> None:
    assert isinstance(ended_by("25P03"), DatabaseAway)


def test_any_other_internal_error_is_raised() -> None:
    with pytest.raises(InternalError):
        ended_by("25P02")
