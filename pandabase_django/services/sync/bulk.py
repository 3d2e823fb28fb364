"""Many rows at once, in the way that PostgreSQL takes them fastest; elsewhere as Django has it.

A sync's first pass is nothing but new rows, and a later one nothing but look-ups by id (those are
in ``models.lookups``). Model instances and one parameter for each value would cost several times
the work of reading the pages they came from (docs/performance.md has the figures).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection, models

from pandabase_django.models import MirrorRow

__all__ = ["insert_new", "insert_or_update"]

M = TypeVar("M", bound=MirrorRow)


def insert_new(model: type[MirrorRow], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that are not there; call inside a transaction.

    Args:
        model: The mirror model.
        rows: Values by ``attname``, the same names in each; other columns take their defaults.

    Raises:
        IntegrityError: One of them is there, in this store or another; nothing was inserted.
    """
    if not rows:
        return
    with connection.cursor() as cursor:
        # PostgreSQL with psycopg 3; psycopg 2 has another way and is not worth a second one.
        if hasattr(cursor, "copy"):
            _copy(model, rows, cursor)
            return
    model._default_manager.bulk_create([model(**row) for row in rows])


def insert_or_update(model: type[M], rows: Sequence[M], *, update_fields: Sequence[str]) -> None:
    """Insert rows, or update the one of the same store and id.

    Args:
        model: The mirror model.
        rows: Complete unsaved instances.
        update_fields: Names of the fields that an update sets.

    Raises:
        IntegrityError: Another store has one of these ids; nothing was written.
    """
    if not rows:
        return
    if connection.vendor != "postgresql":
        model._default_manager.bulk_create(
            rows, update_conflicts=True, unique_fields=["store", "id"], update_fields=update_fields
        )
        return
    fields = model._meta.concrete_fields
    table, columns = _quoted(model._meta.db_table), ", ".join(_column(field) for field in fields)
    updates = ", ".join(
        f"{_column(field)} = EXCLUDED.{_column(field)}"
        for field in fields
        if field.name in update_fields
    )
    # One parameter again: an array for each column costs psycopg five times as much.
    values = json.dumps(
        [{f.column: getattr(row, f.attname) for f in fields} for row in rows],
        default=datetime.isoformat,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {columns}"  # noqa: S608
            f" FROM json_populate_recordset(NULL::{table}, %s::json)"
            f" ON CONFLICT (store_id, id) DO UPDATE SET {updates}",
            [values],
        )


def _copy(model: type[MirrorRow], rows: Sequence[Mapping[str, Any]], cursor: Any) -> None:
    given = [field for field in model._meta.concrete_fields if field.attname in rows[0]]
    # A default of None is what COPY gives a column that it does not name.
    rest = [
        (field, field.get_default())
        for field in model._meta.concrete_fields
        if field.attname not in rows[0] and field.get_default() is not None
    ]
    columns = ", ".join(_column(field) for field in (*given, *(field for field, _ in rest)))
    readers = [(field.attname, _as_text(field)) for field in given]
    constants = tuple(_as_text(field)(value) for field, value in rest)
    statement = f"COPY {_quoted(model._meta.db_table)} ({columns}) FROM STDIN"
    with connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row((*[adapt(row[name]) for name, adapt in readers], *constants))


def _as_text(field: models.Field[Any, Any]) -> Callable[[Any], Any]:
    """What COPY's text format takes; text, numbers and truth values it takes as they are."""
    if isinstance(field, models.JSONField):
        return json.dumps
    if isinstance(field, models.DateTimeField):
        return lambda value: value and value.isoformat()
    return lambda value: value


def _column(field: models.Field[Any, Any]) -> str:
    return _quoted(str(field.column))


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
