"""Persons whose data was erased: who did it and when, and hashes by which they are known again.

No address and no name is kept. The hashes are keyed, and the key is a sealed secret of its own: so
it lives on when the encryption keys change, which no hash of an address that is gone could do.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from pandabase_django.crypto.fields import SealedField, sealed_check_constraint
from pandabase_django.models.base import PandabaseModel, WriterManager
from pandabase_django.models.stores import Store

__all__ = ["ErasedHash", "Erasure", "ErasureKey"]


class ErasureKey(PandabaseModel):
    """The one key of all hashes; made by the first erasure.

    Attributes:
        id: Always 1.
        secret: The key. ``pandabase_reseal`` seals it anew, and it never changes.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    secret = SealedField(purpose="erasure.key")

    objects = WriterManager()

    class Meta:
        verbose_name = _("key of erasures")
        verbose_name_plural = _("keys of erasures")
        default_permissions = ()
        constraints = [
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
        source: From where it was asked for.
        user: Who asked. Empty: a command, or a user who was deleted.
    """

    class Source(models.TextChoices):
        ADMIN = "ADMIN", _("Admin")
        COMMAND = "COMMAND", _("Command")

    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="+", verbose_name=_("store")
    )
    begun_at = models.DateTimeField(_("begun"), auto_now_add=True)
    finished_at = models.DateTimeField(
        _("finished"), null=True, help_text=_("Empty: it was stopped. Erase the person again.")
    )
    source = models.CharField(_("started by"), max_length=16, choices=Source.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("user"),
    )
    counts = models.JSONField(
        _("rows"), default=dict, help_text=_("How many of each kind were changed.")
    )

    objects = WriterManager()

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        ordering = ["-id"]
        default_permissions = ("view",)
        permissions = [
            ("export_person", _("Can export all data of a person")),
            ("erase_person", _("Can erase all data of a person")),
        ]

    def __str__(self) -> str:
        return f"{self.store_id} {self.pk}"


class ErasedHash(PandabaseModel):
    """The keyed hash of an address, or of the id of something that is the person's.

    Attributes:
        store: Whose rows it is looked for in.
        erasure: Which one made it.
        value: The hash, in hex.
        learned: It is of what an erased person did later, and Pandabase has shown since.
    """

    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="+", db_index=False)
    erasure = models.ForeignKey(Erasure, on_delete=models.CASCADE, related_name="hashes")
    value = models.CharField(max_length=64)
    learned = models.BooleanField(default=False, db_default=False)

    objects = WriterManager()

    class Meta:
        verbose_name = _("hash of an erased person")
        verbose_name_plural = _("hashes of erased persons")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["store", "value"], name="pandabase_erased_once"),
        ]
        indexes = [
            models.Index(
                fields=["store", "-id"],
                condition=Q(learned=False),
                name="pandabase_erased_newest",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)
