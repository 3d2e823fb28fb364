"""Who of the shop's users a customer is, where no checkout session says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import (
    Column,
    PandabaseModel,
    Relation,
    Words,
    WriterQuerySet,
    manager_of,
)
from pandabase_django.models.base.soft import SoftForeignKey
from pandabase_django.models.orders import Customer
from pandabase_django.models.stores import Store

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CustomerLink", "CustomerLinkQuerySet"]

# One of a user that was deleted names nobody any more.
IN_FORCE = Q(ended_at__isnull=True, user__isnull=False)


class CustomerLinkQuerySet(WriterQuerySet["CustomerLink"]):
    """Links of customers to users."""

    def in_force(self) -> Self:
        """Those that nobody has ended, and whose user is there."""
        return self.filter(IN_FORCE)


class CustomerLink(PandabaseModel):
    """What a customer has bought is a user's, from a person's decision on until it is taken back.

    Rows stay as the history: who decided what, when and why. A customer has at most one link in
    force; a user may be several customers, of several stores.

    Attributes:
        store: The customer's store.
        customer: What this customer has bought …
        user: … is this user's. Empty: the user was deleted.
        source: What it rests on.
        reason: Why, in the words of who decided it.
        linked_at: From when on.
        ended_at: Until when. Empty: it is in force.
        ended_by: Who took it back. Empty: the shop's own code, or a user who was deleted.
        end_reason: Why it was taken back.
    """

    class Source(models.TextChoices):
        """What the link rests on."""

        PERSON = "PERSON", _("A person decided it")
        VERIFIED_EMAIL = "VERIFIED_EMAIL", _("Verified e-mail address")

    store: Relation[Store] = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="+", verbose_name=_("store"), db_index=False
    )
    customer: Relation[Customer | None] = SoftForeignKey(
        Customer,
        null=True,
        related_name="links",
        verbose_name=_("customer"),
    )
    user: Relation[Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="pandabase_customer_links",
        verbose_name=_("user"),
        help_text=_("Empty: the user was deleted."),
    )
    source: Column[str] = models.CharField(
        _("source"), max_length=16, choices=Source.choices, default=Source.PERSON
    )
    reason: Column[str] = models.TextField(_("reason"), default="")
    linked_at: Column[datetime] = models.DateTimeField(_("linked"), auto_now_add=True)
    linked_by: Relation[Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("linked by"),
        help_text=_("Empty: the shop's own code, or a user who was deleted."),
    )
    ended_at: Column[datetime | None] = models.DateTimeField(_("taken back"), null=True)
    ended_by: Relation[Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("taken back by"),
    )
    end_reason: Column[str] = models.TextField(_("taken back because"), default="")

    objects: ClassVar[CustomerLinkQuerySet] = manager_of(CustomerLinkQuerySet)

    if TYPE_CHECKING:
        store_id: str
        customer_id: str | None
        user_id: Any
        linked_by_id: Any
        ended_by_id: Any

    class Meta:
        verbose_name: ClassVar[Words] = _("customer link")
        verbose_name_plural: ClassVar[Words] = _("customer links")
        ordering: ClassVar[Sequence[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["store", "customer"], condition=IN_FORCE, name="pandabase_link_in_force"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["customer"], name="pandabase_link_customer")
        ]
        permissions: ClassVar[list[tuple[str, Words]]] = [
            ("link_customer", _("Can link customers to users"))
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} → {self.user_id or '—'}"

    @property
    def is_in_force(self) -> bool:
        """Whether the user has what the customer bought."""
        return self.ended_at is None and self.user_id is not None
