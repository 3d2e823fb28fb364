"""Many rows at once: as PostgreSQL takes them fastest, elsewhere as Django does it.

A first sync writes only new rows, and a later one mostly looks up ids (``models.lookups``). Model
instances and one parameter for each value would cost several times the work of reading the pages
(docs/performance.md has the figures).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, TypeVar

import msgspec
from django.db import IntegrityError, models
from django.db.models import F

from pandabase_django.database import connection, transaction
from pandabase_django.models import MirrorRow
from pandabase_django.models.base.lookups import Among

__all__ = ["insert_missing", "insert_new", "insert_or_update", "insert_rows", "update_columns"]

M = TypeVar("M", bound=MirrorRow)


def insert_new(
    model: type[models.Model], rows: Sequence[Mapping[str, Any]], **shared: Any
) -> frozenset[str]:
    """Insert rows that were not there a moment ago; call inside a transaction.

    Args:
        model: A model whose primary key is an ``id`` of text.
        rows: Values by ``attname``, the same names in each; other columns take their defaults.
        shared: Values that all rows have.

    Returns:
        Ids that somebody else inserted meanwhile, in this store or another: his rows stay, and
        are committed. All others were inserted.
    """
    if not rows:
        return frozenset()
    # In one order everywhere: of two that insert the same rows none waits for the other in turn.
    rows = sorted(rows, key=itemgetter("id"))
    try:
        with transaction.atomic():
            insert_rows(model, rows, **shared)
    except IntegrityError:
        return insert_missing(model, [model(**row, **shared) for row in rows])
    return frozenset()


def insert_missing(model: type[models.Model], rows: Sequence[models.Model]) -> frozenset[str]:
    """Insert those rows that are not there; call inside a transaction.

    Args:
        model: A model whose primary key is an ``id`` of text.
        rows: Complete unsaved instances.

    Returns:
        Ids that are there already, in this store or another: those rows stay.
    """
    rows = sorted(rows, key=lambda row: row.pk)
    if not rows:
        return frozenset()
    wanted = [row.pk for row in rows]
    if connection.vendor != "postgresql":
        # Whoever writes on SQLite is alone.
        there = model._default_manager.filter(Among(F("pk"), wanted)).values_list("pk", flat=True)
        found = frozenset(there)
        model._default_manager.bulk_create([row for row in rows if row.pk not in found])
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_insert_from_json(model)} ON CONFLICT DO NOTHING RETURNING id", [_as_json(rows)]
        )
        return frozenset(wanted).difference(pk for (pk,) in cursor.fetchall())


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
    updates = ", ".join(
        f"{_column(field)} = EXCLUDED.{_column(field)}"
        for field in model._meta.concrete_fields
        if field.name in update_fields
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_insert_from_json(model)} ON CONFLICT (store_id, id) DO UPDATE SET {updates}",
            [_as_json(rows)],
        )


def update_columns(
    model: type[models.Model], rows: Sequence[models.Model], names: Sequence[str]
) -> None:
    """Write some columns of rows that are here; call inside a transaction that locks them.

    ``bulk_update`` makes an expression of each value, which takes a millisecond a row.

    Args:
        model: Any model.
        rows: Its instances.
        names: Of the fields.
    """
    if not rows or not names:
        return
    fields = [field for field in model._meta.concrete_fields if field.name in names]
    key = model._meta.pk
    columns = ", ".join(f"{_column(field)} = %s" for field in fields)
    statement = f"UPDATE {_quoted(model._meta.db_table)} SET {columns} WHERE {_column(key)} = %s"  # noqa: S608
    written = [*fields, key]
    with connection.cursor() as cursor:
        cursor.executemany(
            statement,
            [
                [f.get_db_prep_save(getattr(r, f.attname), connection) for f in written]
                for r in rows
            ],
        )


def _insert_from_json(model: type[models.Model]) -> str:
    """One parameter for all rows: an array for each column costs psycopg five times as much."""
    table = _quoted(model._meta.db_table)
    columns = ", ".join(_column(field) for field in model._meta.concrete_fields)
    return (
        f"INSERT INTO {table} ({columns}) SELECT {columns}"  # noqa: S608
        f" FROM json_populate_recordset(NULL::{table}, %s::json)"
    )


def _as_json(rows: Sequence[models.Model]) -> str:
    return json.dumps(
        [{f.column: getattr(row, f.attname) for f in row._meta.concrete_fields} for row in rows],
        default=datetime.isoformat,
    )


def insert_rows(
    model: type[models.Model], rows: Sequence[Mapping[str, Any]], **shared: Any
) -> None:
    """Insert rows that nobody else can have inserted.

    Args:
        model: Any model.
        rows: Values by ``attname``, the same names in each; other columns take their defaults, or
            the database's.
        shared: Values that all rows have.

    Raises:
        IntegrityError: A constraint refuses one of them.
    """
    if not rows:
        return
    with connection.cursor() as cursor:
        # PostgreSQL with psycopg 3; psycopg 2 has another way and is not worth a second one.
        if hasattr(cursor, "copy"):
            _copy(model, rows, shared, cursor)
            return
    model._default_manager.bulk_create([model(**row, **shared) for row in rows])


def _copy(
    model: type[models.Model],
    rows: Sequence[Mapping[str, Any]],
    shared: Mapping[str, Any],
    cursor: Any,
) -> None:
    given = [field for field in model._meta.concrete_fields if field.attname in rows[0]]
    # A default of None is what COPY gives a column that it does not name.
    rest = [
        (field, value)
        for field in model._meta.concrete_fields
        if field.attname not in rows[0]
        and (value := shared.get(field.attname, field.get_default())) is not None
    ]
    columns = ", ".join(_column(field) for field in (*given, *(field for field, _ in rest)))
    names = [field.attname for field in given]
    adapted = [(place, adapt) for place, field in enumerate(given) if (adapt := _as_text(field))]
    constants = [adapt(value) if (adapt := _as_text(field)) else value for field, value in rest]
    statement = f"COPY {_quoted(model._meta.db_table)} ({columns}) FROM STDIN"
    with connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            values = [row[name] for name in names]
            for place, adapt in adapted:
                values[place] = adapt(values[place])
            copy.write_row(values + constants)


def _as_text(field: models.Field[Any, Any]) -> Callable[[Any], Any] | None:
    """Makes what COPY's text format takes; None for text, numbers and truth values, as they are."""
    if isinstance(field, models.JSONField):
        return _json_text
    if isinstance(field, models.DateTimeField):
        return _time_text
    return None


def _time_text(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


def _json_text(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()  # a tenth of the time
    except (OverflowError, ValueError, TypeError, RecursionError):
        return json.dumps(value)  # a number beyond 64 bits


def _column(field: models.Field[Any, Any]) -> str:
    return _quoted(str(field.column))


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
