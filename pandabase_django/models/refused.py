"""Deliveries that were refused: one row for each endpoint, and one for all other addresses."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import PandabaseModel, WriterManager

__all__ = ["RefusedDeliveries"]


class RefusedDeliveries(PandabaseModel):
    """How many deliveries an endpoint refused on which day and why, and the newest of them."""

    # No foreign key: a refusal must never fail for its endpoint, nor keep one from being deleted.
    place = models.CharField(_("endpoint id"), primary_key=True, max_length=64)
    counts = models.JSONField(
        _("counts"), default=dict, help_text=_("By day in UTC and by reason.")
    )
    newest = models.JSONField(_("newest"), default=list)
    noted_at = models.DateTimeField(_("last noted"))

    objects = WriterManager()

    class Meta:
        verbose_name = _("refused deliveries")
        verbose_name_plural = _("refused deliveries")
        default_permissions = ()

    def __str__(self) -> str:
        return self.place
