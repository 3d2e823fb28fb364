"""The database that the app's rows are written to: ``default``, or what a router says.

Import ``connection`` and ``transaction`` from here instead of from ``django.db``: there they mean
``default``, whatever the routers say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connections

from pandabase_django.database import transaction
from pandabase_django.database.alias import unsupported, write_alias

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["connection", "transaction", "unsupported", "write_alias"]


class _Connection:
    """This thread's connection, looked up at each access."""

    def __getattr__(self, name: str) -> Any:
        return getattr(connections[write_alias()], name)


if TYPE_CHECKING:
    connection: BaseDatabaseWrapper
else:
    connection = _Connection()
