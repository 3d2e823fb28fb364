"""What every row copied from the remote has in common."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import Column, PandabaseModel, Relation, WriterQuerySet

if TYPE_CHECKING:
    from typing_extensions import Self

    from pandabase_django.models.stores import Store

__all__ = ["TO_BE_READ_AGAIN", "MirrorQuerySet", "MirrorRow", "mirror_constraint", "text_map"]


# In place of a digest: no answer has it.
TO_BE_READ_AGAIN = "to be read again"

M_co = TypeVar("M_co", bound=models.Model, covariant=True)


class MirrorQuerySet(WriterQuerySet[M_co]):
    """Hides nothing by itself: the sync and the admin need rows of what is gone as well."""

    def live(self) -> Self:
        """Without what was seen to be gone at the remote (``gone_at``)."""
        return self.filter(gone_at__isnull=True)

    def read_again(self) -> int:
        """Have these rows written again, whatever the remote shows next. Returns how many."""
        return self.update(digest=TO_BE_READ_AGAIN)


class MirrorRow(PandabaseModel):
    """A row that equals a remote object. Only the sync writes it; nothing deletes it.

    The primary key is the remote's id, so upserts and links need no look-up. ``(store, id)`` is
    unique as well and is the conflict target of every upsert: a remote id that turns up in a
    second store fails there instead of moving the row.

    No foreign key of a mirror has the index that Django gives it: on PostgreSQL that is two, one of
    them for searches by a part of an id, and each new row pays for both. The store's rows are found
    by ``(store, id)``; what else is looked up has a plain index in ``Meta``.

    Attributes:
        id: Pandabase's id.
        store: Whose it is.
        payload: The object as it was received, without what must not be kept, such as keys and
            secrets.
        digest: A hash of what was received; an equal one means that there is nothing to write.
        first_seen_at: When the row came here.
        appeared_at: When it last came to its place: back from being gone, or from another parent.
            Empty: never.
    """

    # Columns of our own: when they change, the remote object did not.
    BOOKKEEPING: ClassVar[frozenset[str]] = frozenset(
        {"absences", "appeared_at", "digest", "payload", "synced_at"}
    )

    id: Column[str] = models.CharField(_("id"), primary_key=True, max_length=128, editable=False)
    store: Relation[Store] = models.ForeignKey(
        "pandabase.Store",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("store"),
        db_index=False,
    )
    payload: Column[Any] = models.JSONField(_("payload"), default=dict, editable=False)
    digest: Column[str] = models.CharField(_("digest"), max_length=64, default="", editable=False)
    first_seen_at: Column[datetime] = models.DateTimeField(_("first seen"), editable=False)
    synced_at: Column[datetime] = models.DateTimeField(
        _("synced"), editable=False, help_text=_("When this row last changed here.")
    )
    gone_at: Column[datetime | None] = models.DateTimeField(
        _("gone"), null=True, editable=False, help_text=_("When the remote was seen without it.")
    )

    appeared_at: Column[datetime | None] = models.DateTimeField(null=True, editable=False)

    if TYPE_CHECKING:
        store_id: str

    class Meta:
        abstract = True


def mirror_constraint(model_name: str) -> models.UniqueConstraint:
    """The upsert's conflict target for one mirror model."""
    return models.UniqueConstraint(fields=["store", "id"], name=f"pandabase_{model_name}_store_id")


def text_map(value: Any) -> dict[str, str]:
    """An object of texts, such as metadata: other values as their JSON, and none that is null."""
    if not isinstance(value, dict):
        return {}
    return {
        str(name): entry if isinstance(entry, str) else json.dumps(entry)
        for name, entry in value.items()
        if entry is not None
    }
