"""A look-up that takes any number of ids."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models.lookups import In

__all__ = ["Among", "AmongFew"]


class Among(In):
    """``filter(Among(F("pk"), ids))`` is ``filter(pk__in=ids)`` with one parameter for all ids.

    The ids are texts or whole numbers. Needed wherever their number has no bound: SQLite takes
    32,766 parameters, PostgreSQL 65,535.
    """

    def get_prep_lookup(self) -> Any:
        return list(self.rhs)

    def process_lhs(self, *args: Any, **kwargs: Any) -> Any:
        if not self.rhs:
            raise EmptyResultSet  # as Django does: then no statement is sent
        return super().process_lhs(*args, **kwargs)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        # As JSON: psycopg writes an array element by element in Python.
        cast = "::bigint" if isinstance(self.rhs[0], int) else ""
        ids = f"ARRAY(SELECT json_array_elements_text(%s::json){cast})"
        return f"{column} = ANY({ids})", (*parameters, json.dumps(self.rhs))

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        ids = "SELECT value FROM json_each(%s)"
        return f"{column} IN ({ids})", (*parameters, json.dumps(self.rhs))


class AmongFew(Among):
    """``Among`` for hundreds of texts: PostgreSQL sees how many they are, and plans for that.

    Of ``Among`` it supposes ten. Thousands would take it longer to plan than to read.
    """

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in self.rhs)
        array = "{" + ",".join(f'"{text}"' for text in quoted) + "}"
        return f"{column} = ANY(%s::text[])", (*parameters, array)
