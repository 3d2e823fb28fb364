"""What every row copied from the remote has in common."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.store import Store

__all__ = ["MirrorRow", "mirror_constraint"]


class MirrorRow(models.Model):
    """A row that equals a remote object. Only the sync writes it; nothing deletes it.

    The primary key is the remote's id, so upserts and links need no look-up. ``(store, id)`` is
    unique as well and is the conflict target of every upsert: a remote id that turns up in a
    second store fails there instead of moving the row.

    No foreign key of a mirror has the index that Django gives it: on PostgreSQL that is two, one of
    them for searches by a part of an id, and each new row pays for both. The store's rows are found
    by ``(store, id)``; what else is looked up has a plain index in ``Meta``.
    """

    id = models.CharField(_("id"), primary_key=True, max_length=128, editable=False)
    store = models.ForeignKey(
        Store,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("store"),
        db_index=False,
    )
    payload = models.JSONField(_("payload"), default=dict, editable=False)
    digest = models.CharField(_("digest"), max_length=64, default="", editable=False)
    first_seen_at = models.DateTimeField(_("first seen"), editable=False)
    synced_at = models.DateTimeField(
        _("synced"), editable=False, help_text=_("When this row last changed here.")
    )
    gone_at = models.DateTimeField(
        _("gone"), null=True, editable=False, help_text=_("When the remote was seen without it.")
    )

    class Meta:
        abstract = True


def mirror_constraint(model_name: str) -> models.UniqueConstraint:
    """The upsert's conflict target for one mirror model."""
    return models.UniqueConstraint(fields=["store", "id"], name=f"pandabase_{model_name}_store_id")
