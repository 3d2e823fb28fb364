"""Notes which rows were written, in the transaction that writes them.

The notes name rows and columns, never values. A store's first sync leaves none (whoever drives it
passes no notes), so that it does not write every row twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.models import MirrorRow, RowChange

if TYPE_CHECKING:
    from pandabase_django.services.sync.run.outcome import Change

__all__ = ["ChangeNotes", "prune_changes"]

ROWS_PER_DELETE = 10_000


class ChangeNotes:
    """Notes the writes that one cause leads to.

    Args:
        store_id: The store whose rows are written.
        run_id: The sync run that writes them.
        delivery_id: Primary key of the webhook delivery that does, as text.
        user_id: Who asked for a single row to be read again.
    """

    def __init__(
        self,
        *,
        store_id: str,
        run_id: int | None = None,
        delivery_id: str = "",
        user_id: Any = None,
    ) -> None:
        self._cause = {
            "store_id": store_id,
            "run_id": run_id,
            "delivery_id": delivery_id,
            "user_id": user_id,
        }

    def wrote(self, changes: Sequence[Change[Any]]) -> None:
        """Note rows that were inserted or updated."""
        self._note(
            (
                type(change.row),
                change.row.pk,
                RowChange.Kind.CREATED if change.first_read else RowChange.Kind.CHANGED,
                [] if change.first_read else list(change.columns),
            )
            for change in changes
        )

    def went(self, rows: Iterable[tuple[type[MirrorRow], str]]) -> None:
        """Note rows that became tombstones."""
        self._note((model, pk, RowChange.Kind.GONE, []) for model, pk in rows)

    def _note(self, rows: Iterable[tuple[type[MirrorRow], str, RowChange.Kind, list[str]]]) -> None:
        now = timezone.now()
        notes = [
            RowChange(
                **self._cause,
                model_name=model._meta.model_name or "",
                row_id=pk,
                kind=kind,
                columns=columns,
                at=now,
            )
            for model, pk, kind, columns in rows
        ]
        if notes:
            RowChange.objects.bulk_create(notes)


def prune_changes() -> int:
    """Delete notes older than ``CHANGE_RETENTION_DAYS``, in small steps. Returns how many."""
    before = timezone.now() - timedelta(days=conf.change_retention_days)
    pruned = 0
    while True:
        old = RowChange.objects.filter(at__lt=before).order_by("at").values_list("pk", flat=True)
        count, _ = RowChange.objects.filter(pk__in=list(old[:ROWS_PER_DELETE])).delete()
        pruned += count
        if count < ROWS_PER_DELETE:
            return pruned
