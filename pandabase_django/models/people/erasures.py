"""Persons whose data was erased: who did it and when, and hashes by which they are known again.

No address and no name is kept. The hashes are keyed, and the key is a sealed secret of its own: so
it lives on when the encryption keys change, which no hash of an address that is gone could do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from pandabase_django.crypto.fields import SealedField, sealed_check_constraint
from pandabase_django.models.base import (
    Column,
    PandabaseModel,
    Relation,
    Words,
    WriterManager,
    WriterQuerySet,
)
from pandabase_django.models.stores import Store

__all__ = ["ErasedHash", "Erasure", "ErasureKey"]


class ErasureKey(PandabaseModel):
    """The one key of all hashes; made by the first erasure.

    Attributes:
        id: Always 1.
        secret: The key. ``pandabase_reseal`` seals it anew, and it never changes.
    """

    id: Column[int] = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    secret: SealedField = SealedField(purpose="erasure.key")

    objects: ClassVar[WriterManager[ErasureKey]] = WriterManager()

    class Meta:
        verbose_name: ClassVar[Words] = _("key of erasures")
        verbose_name_plural: ClassVar[Words] = _("keys of erasures")
        default_permissions: ClassVar[Sequence[str]] = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(id=1), name="pandabase_erasure_one_key"),
            sealed_check_constraint("secret", name="pandabase_erasure_key_sealed"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Erasure(PandabaseModel):
    """A person was erased from the rows of one store.

    Attributes:
        store: In whose rows.
        begun_at: When it began.
        finished_at: When it was done. Empty: a worker has still to do it.
        source: From where it was asked for.
        user: Who asked. Empty: a command, or a user who was deleted.
        address: Who is erased, sealed; a worker needs it until it is done, and then it is gone.
        rows_done: How many rows of the person were looked at so far.
        rows_found: How many there are; empty until they were looked for.
        next_attempt_at: When the next worker may take it.
        enqueued_at: When a message for a worker was sent. Empty: the sweeper sends one.
    """

    class Source(models.TextChoices):
        ADMIN = "ADMIN", _("Admin")
        COMMAND = "COMMAND", _("Command")

    store: Relation[Store] = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    begun_at: Column[datetime] = models.DateTimeField(_("begun"), auto_now_add=True)
    finished_at: Column[datetime | None] = models.DateTimeField(_("finished"), null=True)
    source: Column[str] = models.CharField(_("started by"), max_length=16, choices=Source.choices)
    user: Relation[Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("user"),
    )
    counts: Column[Any] = models.JSONField(
        _("rows"), default=dict, help_text=_("How many of each kind were changed.")
    )
    address: SealedField = SealedField(purpose="erasure.address", bind=("store_id",), null=True)
    rows_done: Column[int] = models.BigIntegerField(default=0, db_default=0, editable=False)
    rows_found: Column[int | None] = models.BigIntegerField(null=True, editable=False)
    next_attempt_at: Column[datetime | None] = models.DateTimeField(null=True, editable=False)
    enqueued_at: Column[datetime | None] = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[WriterManager[Erasure]] = WriterManager()

    if TYPE_CHECKING:
        store_id: str
        user_id: Any
        hashes: WriterQuerySet[ErasedHash]

    class Meta:
        verbose_name: ClassVar[Words] = _("erasure")
        verbose_name_plural: ClassVar[Words] = _("erasures")
        ordering: ClassVar[Sequence[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            sealed_check_constraint("address", name="pandabase_erasure_address_sealed"),
        ]
        default_permissions: ClassVar[Sequence[str]] = ("view",)
        permissions: ClassVar[list[tuple[str, Words]]] = [
            ("export_person", _("Can export all data of a person")),
            ("erase_person", _("Can erase all data of a person")),
        ]

    def __str__(self) -> str:
        return f"{self.store} {self.pk}"


class ErasedHash(PandabaseModel):
    """The keyed hash of an address, or of the id of something that is the person's.

    Attributes:
        store: Whose rows it is looked for in.
        erasure: Which one made it.
        value: The hash, in hex.
        learned: It is of what an erased person did later, and Pandabase has shown since.
    """

    store: Relation[Store] = models.ForeignKey(
        Store, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    erasure: Relation[Erasure] = models.ForeignKey(
        Erasure, on_delete=models.CASCADE, related_name="hashes"
    )
    value: Column[str] = models.CharField(max_length=64)
    learned: Column[bool] = models.BooleanField(default=False, db_default=False)

    objects: ClassVar[WriterManager[ErasedHash]] = WriterManager()

    if TYPE_CHECKING:
        store_id: str
        erasure_id: int

    class Meta:
        verbose_name: ClassVar[Words] = _("hash of an erased person")
        verbose_name_plural: ClassVar[Words] = _("hashes of erased persons")
        default_permissions: ClassVar[Sequence[str]] = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["store", "value"], name="pandabase_erased_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["store", "-id"],
                condition=Q(learned=False),
                name="pandabase_erased_newest",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)
