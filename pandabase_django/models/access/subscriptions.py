"""Subscriptions, as the remote has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from pandabase_django.models.base import Column, Relation, Words, WriterQuerySet, manager_of
from pandabase_django.models.base.mirror import MirrorQuerySet, MirrorRow, mirror_constraint
from pandabase_django.models.base.soft import SoftForeignKey
from pandabase_django.models.catalog import Product
from pandabase_django.models.orders import Customer

if TYPE_CHECKING:
    from typing_extensions import Self

    from pandabase_django.models.checkout.purchases import Purchase
    from pandabase_django.models.usage import UsageRecordQuerySet

__all__ = ["BEGINS_WITHIN", "WITH_ACCESS", "Subscription", "SubscriptionQuerySet"]

BEGINS_WITHIN = timedelta(days=7)
"""How long after its order a subscription may begin: a payment may be processed for days."""

# Access stays while a charge is tried again, and while paused. Source: P-48.
WITH_ACCESS = ("TRIALING", "ACTIVE", "PAST_DUE", "PAUSED")


class SubscriptionQuerySet(MirrorQuerySet["Subscription"]):
    """Subscriptions; see also ``live``."""

    def active(self, at: datetime | None = None) -> Self:
        """Live ones whose customer has access: see ``Subscription.is_active``.

        Args:
            at: When; None is now. Statuses are those of now: of another time only the end of a
                cancelled one is known.
        """
        at = at or timezone.now()
        return self.live().filter(Q(status__in=WITH_ACCESS) | Q(status="CANCELLED", ends_at__gt=at))


class Subscription(MirrorRow):
    """A subscription. ``amount_minor`` is what each period costs, in minor units of ``currency``.

    It names no order: its renewals are orders of the same customer (Source: P-48).

    Attributes:
        status: TRIALING, ACTIVE, PAST_DUE, PAUSED or CANCELLED; others may come.
        billing_interval: How long a period is, such as MONTHLY.
        amount_minor: What each period costs.
        currency: Code of three letters.
        quantity: How many pieces each period pays for.
        product: What is paid for.
        customer: Who pays.
        current_period_start: When the period that is under way began.
        current_period_end: When it ends.
        next_charge_at: When money is taken next. Empty: never again, or not known.
        trial_end: Until when it costs nothing. Empty: there is no trial.
        cancelled_at: When it was cancelled; access may go on until ``ends_at``.
        paused_at: Since when it is paused.
        created_at: When it began.
    """

    class Status(models.TextChoices):
        """The statuses that are known. The column takes any other one as well."""

        TRIALING = "TRIALING", _("Trialing")
        ACTIVE = "ACTIVE", _("Active")
        PAST_DUE = "PAST_DUE", _("Past due")
        PAUSED = "PAUSED", _("Paused")
        CANCELLED = "CANCELLED", pgettext_lazy("subscription", "Cancelled")

    status: Column[str] = models.TextField(_("status"), default="")
    billing_interval: Column[str] = models.TextField(_("interval"), default="")
    amount_minor: Column[int | None] = models.BigIntegerField(_("amount"), null=True)
    currency: Column[str] = models.TextField(_("currency"), default="")
    quantity: Column[int | None] = models.BigIntegerField(_("quantity"), null=True)
    product: Relation[Product | None] = SoftForeignKey(
        Product,
        null=True,
        related_name="subscriptions",
        verbose_name=_("product"),
    )
    customer: Relation[Customer | None] = SoftForeignKey(
        Customer,
        null=True,
        related_name="subscriptions",
        verbose_name=_("customer"),
    )
    current_period_start: Column[datetime | None] = models.DateTimeField(
        _("period began"), null=True
    )
    current_period_end: Column[datetime | None] = models.DateTimeField(_("period ends"), null=True)
    next_charge_at: Column[datetime | None] = models.DateTimeField(_("next charge"), null=True)
    trial_end: Column[datetime | None] = models.DateTimeField(_("trial ends"), null=True)
    cancelled_at: Column[datetime | None] = models.DateTimeField(_("cancelled at"), null=True)
    paused_at: Column[datetime | None] = models.DateTimeField(_("paused at"), null=True)
    ends_at: Column[datetime | None] = models.DateTimeField(
        _("access ends"), null=True, help_text=_("Of a cancelled subscription.")
    )
    retry_count: Column[int | None] = models.BigIntegerField(
        _("retries"), null=True, help_text=_("How often a failed charge was tried again.")
    )
    created_at: Column[datetime | None] = models.DateTimeField(_("created"), null=True)

    objects: ClassVar[SubscriptionQuerySet] = manager_of(SubscriptionQuerySet)

    if TYPE_CHECKING:
        product_id: str | None
        customer_id: str | None
        purchases: WriterQuerySet[Purchase]
        usage_records: UsageRecordQuerySet

    class Meta:
        verbose_name: ClassVar[Words] = _("subscription")
        verbose_name_plural: ClassVar[Words] = _("subscriptions")
        ordering: ClassVar[Sequence[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [mirror_constraint("subscription")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["customer"], name="pandabase_sub_customer"),
            models.Index(fields=["product"], name="pandabase_sub_product"),
            models.Index(fields=["-created_at", "-id"], name="pandabase_sub_newest"),
            models.Index(
                fields=["store", "status", "-created_at", "-id"], name="pandabase_sub_by_status"
            ),
        ]

    def __str__(self) -> str:
        return self.id

    def is_active(self, at: datetime | None = None) -> bool:
        """Whether its customer has access (Source: P-48).

        Also while a charge is tried again (PAST_DUE), while it is PAUSED, and after a cancellation
        until ``ends_at``. Not in a status that is not known, and not once it is gone.

        Args:
            at: When; None is now.
        """
        if self.gone_at is not None:
            return False
        if self.status == "CANCELLED":
            return self.ends_at is not None and self.ends_at > (at or timezone.now())
        return self.status in WITH_ACCESS
