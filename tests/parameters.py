"""How many parameters a statement may have."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

__all__ = ["at_most_999_parameters"]


@contextmanager
def at_most_999_parameters() -> Iterator[None]:
    """What SQLite may refuse with 32,766, and PostgreSQL with 65,535, fails with a thousand.

    Before Python 3.11, and on PostgreSQL, nothing is bounded.
    """
    connection.ensure_connection()
    setlimit = getattr(connection.connection, "setlimit", None)
    if setlimit is None:
        yield
        return
    before = setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
    try:
        yield
    finally:
        setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, before)
