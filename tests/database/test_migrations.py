"""Migrations after the first release can be applied while the version before runs."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from pandabase_django.database.operations import AddIndexOnline, RemoveIndexOnline

# The first after the release: 0001 makes all tables at once.
FIRST_BOUND = "0002"

RENAMES = (migrations.RenameField, migrations.RenameModel)


def broken_rules(migration: migrations.Migration) -> list[str]:
    """What migrations/README.md forbids and this migration does."""
    broken: list[str] = []
    new = {op.name_lower for op in migration.operations if isinstance(op, migrations.CreateModel)}
    for operation in migration.operations:
        if getattr(operation, "model_name_lower", "") in new:
            continue  # of a table that nobody uses yet
        online = isinstance(operation, (AddIndexOnline, RemoveIndexOnline))
        if isinstance(operation, (migrations.AddIndex, migrations.RemoveIndex)) and not online:
            broken.append(f"{operation.describe()}: not online")
        if online and migration.atomic:
            broken.append(f"{operation.describe()}: needs atomic = False")
        if isinstance(operation, RENAMES):
            broken.append(f"{operation.describe()}: an old worker still uses it")
        if isinstance(operation, migrations.AddField):
            field: Any = operation.field
            if not field.many_to_many and not field.null and not field.has_db_default():
                broken.append(f"{operation.describe()}: an old worker inserts without it")
            if field.db_index:
                broken.append(f"{operation.describe()}: its index keeps writers out")
    return broken


def test_migrations_keep_the_rules() -> None:
    found = MigrationLoader(None).disk_migrations
    later = [m for (app, name), m in found.items() if app == "pandabase" and name >= FIRST_BOUND]
    assert {m.name: broken for m in later if (broken := broken_rules(m))} == {}


def made_of(*operations: Any, atomic: bool = True) -> migrations.Migration:
    made = migrations.Migration("0099_example", "pandabase")
    made.operations, made.atomic = list(operations), atomic
    return made


INDEX = models.Index(fields=["enabled"], name="pandabase_example")

INDEXED = models.TextField(null=True, db_index=True)


@pytest.mark.parametrize(
    ("operation", "atomic", "says"),
    [
        (migrations.AddIndex("store", INDEX), True, "not online"),
        (AddIndexOnline("store", INDEX), True, "atomic = False"),
        (AddIndexOnline("store", INDEX), False, ""),
        (migrations.AddField("store", "a", models.TextField(default="")), True, "inserts without"),
        (migrations.AddField("store", "a", models.TextField(db_default="")), True, ""),
        (migrations.AddField("store", "a", models.TextField(null=True)), True, ""),
        (
            migrations.AddField("store", "a", models.TextField(null=True, db_index=True)),
            True,
            "out",
        ),
        (migrations.RenameField("store", "name", "title"), True, "still uses"),
    ],
)
def test_the_rules_are_seen(operation: Any, atomic: bool, says: str) -> None:
    broken = broken_rules(made_of(operation, atomic=atomic))
    assert bool(broken) is bool(says)
    assert says in " ".join(broken)


@pytest.mark.django_db(transaction=True)
def test_an_index_is_made_and_removed_online(migrations: None) -> None:
    state = MigrationLoader(connection).project_state()
    steps = [AddIndexOnline("store", INDEX), RemoveIndexOnline("store", INDEX.name)]
    assert [_apply(step, state) for step in steps] == [True, False]


def _apply(operation: Any, state: ProjectState) -> bool:
    before = state.clone()
    operation.state_forwards("pandabase", state)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("pandabase", editor, before, state)
    with connection.cursor() as cursor:
        there = connection.introspection.get_constraints(cursor, "pandabase_store")
    return INDEX.name in there
