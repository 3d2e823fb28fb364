"""Licences, without their keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from pandabase_django.crypto.keyring import current_keyring
from pandabase_django.crypto.secret import Secret
from pandabase_django.models.base import Column, Relation, Words, manager_of
from pandabase_django.models.base.mirror import MirrorQuerySet, MirrorRow, mirror_constraint
from pandabase_django.models.base.soft import SoftForeignKey
from pandabase_django.models.catalog import Product
from pandabase_django.models.orders import Customer, Order

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["License", "LicenseQuerySet"]


class LicenseQuerySet(MirrorQuerySet["License"]):
    """Licences; see also ``live``."""

    def with_key(self, text: str) -> Self:
        """Licences with this key, in whatever status and of whichever store.

        Raises:
            KeysMissing: There is no key to hash with.
        """
        secret = Secret(text.strip())
        del text
        return self.filter(key_hash__in=current_keyring().lookup_hashes(secret))


class License(MirrorRow):
    """A licence. Its key is not kept: ``objects.with_key`` finds it by a keyed hash.

    The hash is made with the first of the encryption keys; one that was made with another of them
    is found as well, and is made again when the licence is read next.

    Attributes:
        status: AVAILABLE (nobody has bought it), CLAIMED or REVOKED; others may come.
        key_hash: A keyed hash of the key, by which it is looked up.
        product: What it is good for.
        variant_id: Pandabase's id of the product's form; empty for all.
        order: The order that it was bought with; empty until then.
        customer: Who has it.
        claimed_at: When it was bought.
        created_at: When it was made at Pandabase.
    """

    class Status(models.TextChoices):
        """The statuses that are known. The column takes any other one as well."""

        AVAILABLE = "AVAILABLE", _("Available")
        CLAIMED = "CLAIMED", _("Claimed")
        REVOKED = "REVOKED", _("Revoked")

    status: Column[str] = models.TextField(_("status"), default="")
    key_last_four: Column[str] = models.CharField(
        _("key ends in"),
        max_length=4,
        default="",
        help_text=_("The last characters; the key itself is not kept."),
    )
    key_hash: Column[str] = models.CharField(max_length=64, default="", editable=False)
    product: Relation[Product | None] = SoftForeignKey(
        Product,
        null=True,
        related_name="licenses",
        verbose_name=_("product"),
    )
    variant_id: Column[str] = models.TextField(_("variant id"), default="")
    order: Relation[Order | None] = SoftForeignKey(
        Order,
        null=True,
        related_name="licenses",
        verbose_name=_("order"),
    )
    customer: Relation[Customer | None] = SoftForeignKey(
        Customer,
        null=True,
        related_name="licenses",
        verbose_name=_("customer"),
    )
    claimed_at: Column[datetime | None] = models.DateTimeField(_("claimed"), null=True)
    created_at: Column[datetime | None] = models.DateTimeField(_("created"), null=True)

    objects: ClassVar[LicenseQuerySet] = manager_of(LicenseQuerySet)

    if TYPE_CHECKING:
        product_id: str | None
        order_id: str | None
        customer_id: str | None

    class Meta:
        verbose_name: ClassVar[Words] = _("license")
        verbose_name_plural: ClassVar[Words] = _("licenses")
        ordering: ClassVar[Sequence[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [mirror_constraint("license")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["key_hash"], name="pandabase_license_key"),
            models.Index(fields=["order"], name="pandabase_license_order"),
            models.Index(fields=["customer"], name="pandabase_license_customer"),
            models.Index(fields=["product"], name="pandabase_license_product"),
            models.Index(fields=["-created_at", "-id"], name="pandabase_license_newest"),
            models.Index(
                fields=["store", "status", "-created_at", "-id"], name="pandabase_license_by_status"
            ),
        ]

    def __str__(self) -> str:
        return self.id
