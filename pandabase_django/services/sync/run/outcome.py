"""What came of a batch of rows: which were written, and which columns of them moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pandabase_django.models import MirrorRow

__all__ = ["Change", "Outcome"]

M = TypeVar("M", bound=MirrorRow)


@dataclass(frozen=True, slots=True)
class Change(Generic[M]):
    """One row that was written: the new row, and the columns whose values moved.

    ``first_read`` is also true of an order that was here in its list form alone.
    """

    row: M
    created: bool
    first_read: bool
    columns: tuple[str, ...]
    before: dict[str, Any]


@dataclass(slots=True)
class Outcome(Generic[M]):
    """What one batch came to.

    Attributes:
        changes: Rows that were written.
        unchanged: How many rows needed no write, or were not to be written.
        newer: Ids of rows that stayed, though they differ: they were written lately.
        gone_rows: Rows that became tombstones.
        too_new: Ids that would have become tombstones and are here for too short a time.
        warnings: Sentences about rows that were written.
        left_out: Sentences about rows that could not be kept, by id.
    """

    changes: list[Change[M]] = field(default_factory=list)
    unchanged: int = 0
    newer: list[str] = field(default_factory=list)
    gone_rows: list[tuple[type[MirrorRow], str]] = field(default_factory=list)
    too_new: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

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
        return len(self.gone_rows)

    def include(self, other: Outcome[Any]) -> None:
        """Count what another batch came to as well."""
        self.changes.extend(other.changes)
        self.unchanged += other.unchanged
        self.newer.extend(other.newer)
        self.gone_rows.extend(other.gone_rows)
        self.too_new.extend(other.too_new)
        self.warnings.extend(other.warnings)
        self.left_out.update(other.left_out)
