"""Which mirrored rows were written by what, and which of their columns moved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import Column, PandabaseModel, Relation, Words, WriterManager
from pandabase_django.models.stores import Store
from pandabase_django.models.sync import SyncRun

__all__ = ["RowChange"]


class RowChange(PandabaseModel):
    """One write of one mirrored row. It names columns and keeps no value.

    Written in the transaction of the row itself, so the record is true even when the process is
    killed. A store's first sync leaves none: it would double every row.

    Attributes:
        store: The row's store.
        run: The sync that wrote it; empty when none did.
        model_name: Which table, such as Order.
        row_id: Its primary key.
        kind: What was done.
        at: When.
    """

    class Kind(models.TextChoices):
        CREATED = "CREATED", _("New")
        CHANGED = "CHANGED", _("Changed")
        GONE = "GONE", _("Gone")

    store: Relation[Store] = models.ForeignKey(
        Store,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("store"),
        db_index=False,
    )
    run: Relation[SyncRun | None] = models.ForeignKey(
        SyncRun,
        null=True,
        on_delete=models.CASCADE,
        related_name="changes",
        verbose_name=_("sync run"),
        db_index=False,
    )
    delivery_id: Column[str] = models.CharField(
        _("webhook delivery"),
        max_length=64,
        default="",
        blank=True,
        help_text=_("The delivery that led to this write, which may have been pruned since."),
    )
    user: Relation[Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("user"),
        db_index=False,
        help_text=_("Who asked for this one row to be read again."),
    )
    model_name: Column[str] = models.CharField(_("kind of row"), max_length=32)
    row_id: Column[str] = models.CharField(_("row"), max_length=128)
    kind: Column[str] = models.CharField(_("what"), max_length=8, choices=Kind.choices)
    columns: Column[Any] = models.JSONField(
        _("columns"), default=list, help_text=_("Those whose value moved; empty for a new row.")
    )
    at: Column[datetime] = models.DateTimeField(_("time"), db_index=True)

    objects: ClassVar[WriterManager[RowChange]] = WriterManager()

    if TYPE_CHECKING:
        store_id: str
        run_id: int | None
        user_id: Any

    class Meta:
        verbose_name: ClassVar[Words] = _("change of a row")
        verbose_name_plural: ClassVar[Words] = _("changes of rows")
        ordering: ClassVar[Sequence[str]] = ["-id"]
        default_permissions: ClassVar[Sequence[str]] = ()
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["run", "id"], name="pandabase_change_run"),
            models.Index(fields=["row_id", "-id"], name="pandabase_change_row"),
        ]

    def __str__(self) -> str:
        return f"{self.model_name} {self.row_id} {self.kind}"
