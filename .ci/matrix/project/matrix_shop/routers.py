"""Routers as sites have them."""

from __future__ import annotations

from typing import Any


class ReadReplica:
    """Reads of what the shop sells and hands out go to a replica, writes to the first database."""

    def db_for_read(self, model: type[Any], **hints: Any) -> str | None:
        return "replica" if model._meta.app_label in ("pandabase", "shop") else None

    def db_for_write(self, model: type[Any], **hints: Any) -> str:
        return "default"

    def allow_relation(self, *rows: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, alias: str, app_label: str, **hints: Any) -> bool:
        return alias == "default"


class Elsewhere:
    """All tables are in a second database; ``default`` has none."""

    def db_for_read(self, model: type[Any], **hints: Any) -> str:
        return "second"

    db_for_write = db_for_read

    def allow_migrate(self, alias: str, app_label: str, **hints: Any) -> bool:
        return alias == "second"
