"""A database that refuses a NUL, as PostgreSQL does; SQLite takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DataError, connection

__all__ = ["refusing_nul"]


@contextmanager
def refusing_nul() -> Iterator[None]:
    """Each query with a NUL in one of its values fails."""

    def execute(call: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if _has_nul(params):
            raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
        return call(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    return (
        isinstance(value, Iterable) and not isinstance(value, bytes) and any(map(_has_nul, value))
    )
