"""Hosts that do not answer: one row for each while its outage lasts."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import PandabaseModel, WriterManager

__all__ = ["RemoteOutage"]


class RemoteOutage(PandabaseModel):
    """What failed at a host since it answered last, and when it is tried again.

    Attributes:
        host: Name and port.
        since: When it did not answer first.
        last_tried_at: When it was asked last.
        next_try_at: When one sync may ask it again.
        failures: How many in a row.
        error: The newest, as a sentence.
        everywhere: No connection at all, or two syncs failed: the host is away, not one of its
            endpoints.
    """

    host = models.CharField(_("host"), primary_key=True, max_length=255)
    since = models.DateTimeField(_("since"))
    last_tried_at = models.DateTimeField(_("last tried"))
    next_try_at = models.DateTimeField(_("next try"))
    failures = models.PositiveIntegerField(_("failures"), default=1)
    error = models.TextField(_("error"), default="")
    scopes = models.JSONField(
        _("scopes"), default=list, help_text=_("Store and resource of each sync that failed.")
    )
    everywhere = models.BooleanField(_("everywhere"), default=False)

    objects = WriterManager()

    class Meta:
        verbose_name = _("outage")
        verbose_name_plural = _("outages")
        default_permissions = ()

    def __str__(self) -> str:
        return self.host
