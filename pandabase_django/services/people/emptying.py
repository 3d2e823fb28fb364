"""Empties rows: the person's own, and the address in texts of all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.db.models import Model

from pandabase_django.api import schemas
from pandabase_django.api.digests import ERASED_DIGEST
from pandabase_django.database import transaction
from pandabase_django.database.pace import Pace
from pandabase_django.models import (
    Customer,
    Dispute,
    LedgerEntry,
    License,
    Order,
    OrderItem,
    Refund,
    RemoteAction,
    Store,
    Subscription,
)
from pandabase_django.models.base.mirror import TO_BE_READ_AGAIN
from pandabase_django.services.erasures.scrubbing import scrubbed, without_texts
from pandabase_django.services.people.decisions import TABLES, Table
from pandabase_django.services.people.mentions import changes_of, mentions
from pandabase_django.services.sync.mirror.bulk import update_columns
from pandabase_django.services.sync.mirror.upsert import child_digest, in_one_order

__all__ = ["ROWS_PER_TRANSACTION", "erase_mentions", "erase_rows"]

ROWS_PER_TRANSACTION = 200


def erase_rows(model: type[Model], pks: Sequence[Any]) -> int:
    """Erase these rows of a person. Returns how many were not erased already."""
    table = TABLES[model.__name__]
    changed: list[Model] = []
    names: set[str] = set()
    with transaction.atomic():
        for row in in_one_order(model._default_manager.filter(pk__in=list(pks))):  # type: ignore[type-var]
            moved = _erase_row(row, table)
            if moved:
                changed.append(row)
                names.update(moved)
        if changed:
            update_columns(model, changed, sorted(names))
    return len(changed)


def _erase_row(row: Any, table: Table) -> set[str]:
    """Change a row in memory. Returns the columns that moved."""
    new: dict[str, Any] = {}
    for name in table.columns("emptied"):
        new[name] = type(row)._meta.get_field(name).get_default()
    for name in table.columns("scrubbed"):
        # A line item is scrubbed as within its order, where the name is of what was bought.
        section = "items" if isinstance(row, OrderItem) else ""
        new[name] = _scrubbed(getattr(row, name), section=section)
    for name in table.columns("replaced"):
        new[name] = without_texts(getattr(row, name))
    for name in table.columns("cut"):
        new[name] = _cut(getattr(row, name))
    if table.shortened and not _is_under_way(row):
        new[table.shortened] = row.without_words()
    for name in table.columns("reread"):
        new[name] = _READ_AGAIN[name](new["payload"])
    moved = {name for name, value in new.items() if getattr(row, name) != value}
    if not moved:
        return set()
    for name, value in new.items():
        setattr(row, name, value)
    for name in _digest_column(type(row)):
        setattr(row, name, _digest(row))
        moved.add(name)
    if isinstance(row, Order):
        # Of the list's form, which is not here.
        row.list_digest = ERASED_DIGEST
        moved.add("list_digest")
    return moved


def _is_under_way(row: Any) -> bool:
    """An action that may still be sent needs its parameters; its end takes the words out."""
    return isinstance(row, RemoteAction) and row.is_open


def _scrubbed(value: Any, *, section: str = "") -> Any:
    """A payload; or what asked for an order's details, which holds one."""
    if not isinstance(value, dict):
        return value
    if "order" in value and value.keys() & {"at", "seen_at"}:
        return {**value, "order": scrubbed(value["order"])}
    return scrubbed(value, section=section)


def _cut(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _country(payload: dict[str, Any]) -> str:
    inner = payload.get("billingAddress")
    return str(inner.get("country") or "") if isinstance(inner, dict) else ""


_READ_AGAIN: dict[str, Callable[[dict[str, Any]], str]] = {
    "billing_country": _country,
    "reason": lambda payload: str(payload.get("reason") or ""),
}

_FORMS: dict[type[Model], Any] = {
    Customer: schemas.CustomerRecord,
    Dispute: schemas.Dispute,
    LedgerEntry: schemas.LedgerEntry,
    Order: schemas.Order,
    Refund: schemas.Refund,
    Subscription: schemas.Subscription,
}


def _digest(row: Any) -> str:
    """What the sync will compute of the scrubbed object."""
    before = str(row.digest)
    if before in ("", TO_BE_READ_AGAIN) or not row.payload:
        return before
    if isinstance(row, License):
        item = schemas.License.from_json(row.payload)
        return replace(item, key_hash=row.key_hash, key_last_four=row.key_last_four).digest
    if isinstance(row, OrderItem):
        line = schemas.OrderItem.from_json(row.payload)
        return child_digest(line.digest, position=row.position, currency=row.currency)
    found: str = _FORMS[type(row)].from_json(row.payload).digest
    return found


def _digest_column(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.concrete_fields if field.name == "digest"]


def erase_mentions(store: Store, model: type[Model], address: str) -> int:
    """Replace the address in texts of any row of the store, whoever it is about."""
    table = TABLES[model.__name__]
    columns = table.texts
    if not columns:
        return 0
    changes = changes_of(model, columns, address)
    names = [*columns, *_digest_column(model)]
    changed, pace = 0, Pace()
    pks = mentions(store, model, columns, address)
    for start in range(0, len(pks), ROWS_PER_TRANSACTION):
        part = pks[start : start + ROWS_PER_TRANSACTION]
        with transaction.atomic():
            rows = list(in_one_order(model._default_manager.filter(pk__in=part)))  # type: ignore[type-var]
            for row in rows:
                for name in columns:
                    if name == table.shortened and _is_under_way(row):
                        continue  # it is still sent so
                    setattr(row, name, changes[name](getattr(row, name)))
                for name in _digest_column(model):
                    setattr(row, name, _digest(row))
            update_columns(model, rows, names)
        changed += len(rows)
        pace.rest()
    return changed
