"""The shop at Pandabase that tokens open and mirror rows belong to."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import PandabaseModel, WriterManager
from pandabase_django.printable import printable

__all__ = ["STORE_ID_PATTERN", "Store"]

STORE_ID_PATTERN = r"\Ashp_[A-Za-z0-9]{1,60}\Z"


class Store(PandabaseModel):
    """A remote store. Its id is the remote's (Source: P-01); everything else may be unknown.

    Attributes:
        title: Its name at Pandabase.
        handle: Its part of an address there.
        currency: Code of three letters: what its account is kept in.
        country: Code of two letters.
        note: Your own words on it.
        added_at: When it came here.
    """

    id = models.CharField(
        _("store id"),
        primary_key=True,
        max_length=64,
        validators=[
            RegexValidator(
                STORE_ID_PATTERN,
                _("A store id starts with shp_ and goes on with letters and digits."),
            )
        ],
        help_text=_("As shown in the Pandabase dashboard; starts with shp_."),
    )
    title = models.TextField(_("title"), blank=True, default="")
    handle = models.TextField(_("handle"), blank=True, default="")
    currency = models.CharField(_("currency"), max_length=16, blank=True, default="")
    country = models.CharField(_("country"), max_length=64, blank=True, default="")
    enabled = models.BooleanField(
        _("enabled"), default=True, help_text=_("Scheduled syncs read enabled stores only.")
    )
    note = models.TextField(_("note"), blank=True, default="")
    added_at = models.DateTimeField(_("added"), auto_now_add=True)

    objects = WriterManager()

    class Meta:
        verbose_name = _("store")
        verbose_name_plural = _("stores")
        ordering = ["id"]
        permissions = [("run_sync", _("Can start a sync"))]

    def __str__(self) -> str:
        return printable(self.title) or self.id
