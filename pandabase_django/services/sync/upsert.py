"""Writes batches of mirror rows: new and changed ones, never the rest.

A row is compared by its digest, so a second sync of an unchanged store writes nothing. Callers
open the transaction and hold what protects it (a lease, or row locks).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import F

from pandabase_django.models import MirrorRow
from pandabase_django.models.lookups import Among
from pandabase_django.services.sync.bulk import insert_or_update

__all__ = ["Change", "Outcome", "child_digest", "mark_gone", "upsert"]

M = TypeVar("M", bound=MirrorRow)

# What belongs to the row's life here and not to the remote object.
KEPT = frozenset({"id", "store", "first_seen_at"})
NOT_A_CHANGE = frozenset(
    {
        "absences",  # a row that is written was seen a moment ago: none is left
        "payload",
        "digest",
        "synced_at",
        "dirty",
        "dirty_mark",
        "detailed_at",
        "unread_at",
        "list_digest",
    }
)


@dataclass(frozen=True, slots=True)
class Change(Generic[M]):
    """One row that was written: the new row, and the columns whose values moved.

    ``first_read`` is also true of an order that stood here in its list form alone.
    """

    row: M
    created: bool
    first_read: bool
    columns: tuple[str, ...]
    before: dict[str, Any]


@dataclass(slots=True)
class Outcome(Generic[M]):
    """What one batch came to."""

    changes: list[Change[M]] = field(default_factory=list)
    unchanged: int = 0
    buried: list[tuple[type[MirrorRow], str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def created(self) -> int:
        """Rows that were not here before."""
        return sum(change.created for change in self.changes)

    @property
    def updated(self) -> int:
        """Rows that were here with other values, or as tombstones.

        Not the details of an order that was in its list form: it was counted when it came.
        """
        return sum(not change.first_read for change in self.changes)

    @property
    def gone(self) -> int:
        """Rows that became tombstones."""
        return len(self.buried)

    def include(self, other: Outcome[Any]) -> None:
        """Count what another batch came to as well."""
        self.changes.extend(other.changes)
        self.unchanged += other.unchanged
        self.buried.extend(other.buried)
        self.warnings.extend(other.warnings)


def upsert(
    model: type[M],
    rows: Iterable[M],
    *,
    keep: frozenset[str] = frozenset(),
    compare: tuple[str, ...] = (),
    dry_run: bool = False,
) -> Outcome[M]:
    """Insert the new, update the changed, skip the rest.

    A row whose id another store owns is left out and named in the warnings. Of rows with one id
    the last one counts.

    Args:
        model: The mirror model of all rows.
        rows: Complete unsaved instances, with ``digest`` and ``synced_at`` set.
        keep: Fields that an update leaves as they are.
        compare: Columns that tell of a change as the digest does.
        dry_run: Compare only.
    """
    outcome: Outcome[M] = Outcome()
    wanted = {row.pk: row for row in rows}
    if not wanted:
        return outcome
    compared = ("store_id", "digest", "gone_at", *compare)
    stored = model._default_manager.filter(Among(F("pk"), wanted))
    known = {pk: values for pk, *values in stored.values_list("pk", *compared)}
    to_write: list[M] = []
    moved: list[str] = []
    for pk, row in wanted.items():
        before = known.get(pk)
        if before is None:
            to_write.append(row)
        elif before[0] != row.store_id:
            outcome.warnings.append(f"{pk} belongs to store {before[0]} already; it was left out.")
        elif before != [getattr(row, name) for name in compared]:
            to_write.append(row)
            moved.append(pk)
        else:
            outcome.unchanged += 1
    old = _columns_of(model, moved)
    for row in to_write:
        read_before = row.pk in known and known[row.pk][1] != ""
        outcome.changes.append(_change(row, old.get(row.pk), first_read=not read_before))
    if not dry_run:
        fields = [name for name in _written_fields(model) if name not in keep]
        insert_or_update(model, to_write, update_fields=fields)
    return outcome


def child_digest(digest: str, *, position: int, currency: str) -> str:
    """Digest of a row that takes its place and currency from its parent."""
    return hashlib.sha256(f"{digest} {position} {currency}".encode()).hexdigest()


def mark_gone(
    model: type[M], *, ids: Sequence[str], now: datetime, dry_run: bool = False, **where: Any
) -> Outcome[M]:
    """Turn rows into tombstones; rows that are tombstones already keep their time."""
    rows = model._default_manager.filter(Among(F("pk"), ids), gone_at__isnull=True, **where)
    outcome: Outcome[M] = Outcome(buried=[(model, pk) for pk in rows.values_list("pk", flat=True)])
    if not dry_run:
        rows.update(gone_at=now, synced_at=now)
    return outcome


def _written_fields(model: type[MirrorRow]) -> list[str]:
    return [f.name for f in model._meta.concrete_fields if f.name not in KEPT]


def _columns_of(model: type[M], ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    if not ids:
        return {}
    names = [f.attname for f in model._meta.concrete_fields if f.name not in NOT_A_CHANGE]
    return {
        values["id"]: values
        for values in model._default_manager.filter(Among(F("pk"), ids)).values(*names)
    }


def _change(row: M, before: dict[str, Any] | None, *, first_read: bool) -> Change[M]:
    if before is None:
        return Change(row=row, created=True, first_read=True, columns=(), before={})
    columns = tuple(
        name
        for name, value in before.items()
        if name not in KEPT and name != "store_id" and getattr(row, name) != value
    )
    return Change(row=row, created=False, first_read=first_read, columns=columns, before=before)
