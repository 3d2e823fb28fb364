"""Which database the app's rows are written to."""

from __future__ import annotations

from django.apps import apps
from django.db import connections, router

__all__ = ["unsupported", "write_alias"]

SUPPORTED = ("postgresql", "sqlite")
# Django asks the server which of the two it is.
NAMES = {"mysql": "MySQL or MariaDB"}


def write_alias() -> str:
    """The alias that the routers give for writing; all models of the app must share one (E021)."""
    return router.db_for_write(apps.get_model("pandabase", "SyncCursor"))


def unsupported(alias: str) -> str:
    """Why this database can't hold the app's tables; "" when it can. Does not connect."""
    connection = connections[alias]
    if connection.vendor in SUPPORTED:
        return ""
    name = NAMES.get(connection.vendor) or connection.display_name
    return (
        f"The database {alias!r} is {name}. Pandabase's tables need PostgreSQL "
        "or SQLite: no table was made, and nothing was changed."
    )
