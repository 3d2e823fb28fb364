"""Routers as sites have them."""

from __future__ import annotations

from typing import Any

__all__ = ["AppElsewhere", "EverythingElsewhere", "OrdersElsewhere", "ReadReplica"]


class ReadReplica:
    """Reads of the app's tables go to a replica, writes to the first database."""

    def db_for_read(self, model: type[Any], **hints: Any) -> str | None:
        return "replica" if model._meta.app_label == "pandabase" else None

    def db_for_write(self, model: type[Any], **hints: Any) -> str | None:
        return "default"

    def allow_relation(self, *rows: Any, **hints: Any) -> bool:
        return True


class EverythingElsewhere:
    """All tables are in a second database; ``default`` has none."""

    def db_for_read(self, model: type[Any], **hints: Any) -> str | None:
        return "second"

    db_for_write = db_for_read

    def allow_migrate(self, alias: str, app_label: str, **hints: Any) -> bool:
        return alias == "second"


class AppElsewhere(EverythingElsewhere):
    """The app's tables alone are in a second database, without the users."""

    def db_for_read(self, model: type[Any], **hints: Any) -> str | None:
        return "second" if model._meta.app_label == "pandabase" else None

    db_for_write = db_for_read

    def allow_migrate(self, alias: str, app_label: str, **hints: Any) -> bool:
        return (alias == "second") == (app_label == "pandabase")


class OrdersElsewhere(EverythingElsewhere):
    """One of the app's tables is in a second database."""

    def db_for_read(self, model: type[Any], **hints: Any) -> str | None:
        return "second" if model.__name__ == "Order" else None

    db_for_write = db_for_read
