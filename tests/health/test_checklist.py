"""The first steps, as somebody meets them who has only begun."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import CaptureQueriesContext

from pandabase_django import migrations
from pandabase_django.models import TaskTick
from pandabase_django.services.health import checklist
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.services.health.ticks import tick

pytestmark = pytest.mark.django_db


def test_a_tick_is_one_statement_which_waits_for_other_writers_of_sqlite() -> None:
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            tick("pandabase.prune_changes")
        assert [query["sql"].split()[0] for query in asked] == ["INSERT"]
    assert TaskTick.objects.get().at is not None


@pytest.mark.parametrize(
    ("options", "code"), [({}, "sqlite"), ({"transaction_mode": "IMMEDIATE"}, "migrations")]
)
def test_sqlite_in_which_writers_collide_is_a_note(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, str], code: str
) -> None:
    monkeypatch.setattr(type(connections["default"]), "vendor", "sqlite")
    monkeypatch.setitem(connection.settings_dict, "NAME", "db.sqlite3")
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    found = checklist.migrations_are_applied(Situation())
    assert found.code == code
    assert found.level is (Level.NOTE if code == "sqlite" else Level.OK)


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_was_not_applied_is_told(settings: Any) -> None:
    settings.MIGRATION_MODULES = {"pandabase": "pandabase_django.migrations"}
    folder = Path(migrations.__file__).parent
    names = sorted(path.stem for path in folder.glob("[0-9]*.py"))
    recorder = MigrationRecorder(connection)
    try:
        for name in names[:-1]:
            recorder.record_applied("pandabase", name)
        recorder.record_applied("another", names[-1])
        found = checklist.migrations_are_applied(Situation())
        assert (found.code, found.level) == ("migrations", Level.ERROR)
        recorder.record_applied("pandabase", names[-1])
        assert checklist.migrations_are_applied(Situation()).level is Level.OK
    finally:
        recorder.flush()


@pytest.mark.parametrize("migrated", [True, False])
def test_tables_that_are_not_made_yet_are_one_finding(
    monkeypatch: pytest.MonkeyPatch, migrated: bool
) -> None:
    def migrations(situation: Situation) -> Finding:
        return Finding("migrations", Level.OK if migrated else Level.ERROR, "Migrations")

    def tables(situation: Situation) -> Finding:
        raise DatabaseError

    monkeypatch.setattr(checklist, "STEPS", [migrations, tables])
    codes = [step.code for step in checklist.setup(Situation())]
    assert codes == (["migrations", "tables_missing"] if migrated else ["migrations"])
