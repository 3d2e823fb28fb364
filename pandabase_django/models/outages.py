"""Hosts that do not answer: one row for each while its outage lasts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import Column, PandabaseModel, Words, WriterManager

__all__ = ["RemoteOutage"]


class RemoteOutage(PandabaseModel):
    """What failed at a host since it answered last, and when it is tried again.

    Attributes:
        host: Name and port.
        since: When it did not answer first, or, if others were answered, the first of them since
            the last failure.
        last_tried_at: When it was asked last.
        next_try_at: When one sync may ask it again.
        failures: How many in a row.
        error: The newest, as a sentence.
        everywhere: No connection at all, or two stores failed with no answer in between: the
            host is away, not an endpoint or a store.
    """

    host: Column[str] = models.CharField(_("host"), primary_key=True, max_length=255)
    since: Column[datetime] = models.DateTimeField(_("since"))
    last_tried_at: Column[datetime] = models.DateTimeField(_("last tried"))
    next_try_at: Column[datetime] = models.DateTimeField(_("next try"))
    failures: Column[int] = models.PositiveIntegerField(_("failures"), default=1)
    error: Column[str] = models.TextField(_("error"), default="")
    scopes: Column[Any] = models.JSONField(
        _("scopes"), default=list, help_text=_("Store and resource of each sync that failed.")
    )
    everywhere: Column[bool] = models.BooleanField(_("everywhere"), default=False)

    objects: ClassVar[WriterManager[RemoteOutage]] = WriterManager()

    class Meta:
        verbose_name: ClassVar[Words] = _("outage")
        verbose_name_plural: ClassVar[Words] = _("outages")
        default_permissions: ClassVar[Sequence[str]] = ()

    def __str__(self) -> str:
        return self.host
