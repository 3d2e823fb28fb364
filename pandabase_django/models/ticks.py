"""When the scheduled tasks last ran: the one sign that beat, the broker and a worker all live."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import Column, PandabaseModel, Words, WriterManager

__all__ = ["TaskTick"]


class TaskTick(PandabaseModel):
    """One row for each scheduled task, written by the task itself when beat has it run.

    Attributes:
        task: Its name.
        at: When it ran last. Empty: never.
        missed_since: When another task first noticed that it has not run.
    """

    task: Column[str] = models.CharField(_("task"), primary_key=True, max_length=100)
    at: Column[datetime | None] = models.DateTimeField(_("last ran"), null=True)
    missed_since: Column[datetime | None] = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[WriterManager[TaskTick]] = WriterManager()

    class Meta:
        verbose_name: ClassVar[Words] = _("scheduled task")
        verbose_name_plural: ClassVar[Words] = _("scheduled tasks")
        default_permissions: ClassVar[Sequence[str]] = ()

    def __str__(self) -> str:
        return self.task
