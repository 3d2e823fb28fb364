"""Usage that is billed: recorded by the shop, sent by a task.

A row is written in the caller's transaction, and stays until it was sent and its retention is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from pandabase_django.models.access.subscriptions import Subscription
from pandabase_django.models.base import (
    Column,
    PandabaseModel,
    Relation,
    Words,
    WriterQuerySet,
    manager_of,
)
from pandabase_django.models.base.soft import SoftForeignKey
from pandabase_django.models.stores import Store

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MAX_QUANTITY", "UsageRecord", "UsageRecordQuerySet"]

MAX_QUANTITY = 2**53 - 1
"""The largest that the remote takes. Source: P-52."""


class UsageRecordQuerySet(WriterQuerySet["UsageRecord"]):
    """Usage records."""

    def unsettled(self) -> Self:
        """Those of which is not known for certain that they are billed, or will never be."""
        # One condition each, for each has an index that few rows are in; with IN all are read.
        states = (Q(state=state) for state in UsageRecord.UNSETTLED)
        return self.filter(reduce(or_, states))


class UsageRecord(PandabaseModel):
    """How much of something a subscription used, and when.

    The remote counts an ``external_id`` once for each meter (Source: P-52), so sending a row again
    bills nothing twice.

    Attributes:
        id: Number of the row.
        store: The subscription's store.
        subscription: Who is billed.
        quantity: How much, 0 or more, in the meter's own unit.
        state: What is known of it.
        is_corrected: A person changed it after it was rejected.
        attempts: How often it was sent.
        recorded_at: When your code recorded it.
        claimed_until: Until when one worker has it. Empty: none.
    """

    class State(models.TextChoices):
        PENDING = "PENDING", _("Waits to be sent")
        SENDING = "SENDING", _("Being sent")
        SENT = "SENT", _("Sent")
        REJECTED = "REJECTED", _("Rejected")
        DROPPED = "DROPPED", _("Dropped")

    UNSETTLED = (State.PENDING, State.SENDING, State.REJECTED)

    id: Column[int] = models.BigAutoField(primary_key=True)
    store: Relation[Store] = models.ForeignKey(
        Store,
        on_delete=models.PROTECT,
        related_name="usage_records",
        verbose_name=_("store"),
        db_index=False,
    )
    subscription: Relation[Subscription] = SoftForeignKey(
        Subscription,
        db_constraint=False,
        on_delete=models.DO_NOTHING,
        related_name="usage_records",
        verbose_name=_("subscription"),
        db_index=False,
    )
    event: Column[str] = models.CharField(
        _("event"), max_length=64, help_text=_("Name of the meter that counts it.")
    )
    quantity: Column[int] = models.BigIntegerField(_("quantity"))
    at: Column[datetime] = models.DateTimeField(
        _("used"), help_text=_("When it was used: decides on the period.")
    )
    key: Column[str] = models.CharField(
        _("key"),
        max_length=128,
        default="",
        help_text=_("The shop's own: the same key is recorded once. Empty: none was given."),
    )
    external_id: Column[str] = models.CharField(
        _("external id"),
        max_length=64,
        editable=False,
        help_text=_("Under which Pandabase counts it once."),
    )
    state: Column[str] = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.PENDING
    )
    maybe_sent: Column[bool] = models.BooleanField(
        _("may be there already"),
        default=False,
        help_text=_("It was sent, and no answer says what became of it."),
    )
    is_corrected: Column[bool] = models.BooleanField(_("corrected"), default=False)
    attempts: Column[int] = models.IntegerField(_("attempts"), default=0)
    reason: Column[str] = models.CharField(
        _("reason"), max_length=500, default="", help_text=_("Why it was rejected or dropped.")
    )
    recorded_at: Column[datetime] = models.DateTimeField(_("recorded"), default=timezone.now)
    due_at: Column[datetime] = models.DateTimeField(
        _("due"), default=timezone.now, help_text=_("It is not sent before.")
    )
    claimed_until: Column[datetime | None] = models.DateTimeField(null=True, editable=False)
    settled_at: Column[datetime | None] = models.DateTimeField(
        pgettext_lazy("usage", "settled"),
        null=True,
        help_text=_("When it was sent, rejected or dropped."),
    )

    objects: ClassVar[UsageRecordQuerySet] = manager_of(UsageRecordQuerySet)

    if TYPE_CHECKING:
        store_id: str
        subscription_id: str

    class Meta:
        verbose_name: ClassVar[Words] = _("usage record")
        verbose_name_plural: ClassVar[Words] = _("usage records")
        ordering: ClassVar[Sequence[str]] = ["-id"]
        permissions: ClassVar[list[tuple[str, Words]]] = [
            ("correct_usagerecord", _("Can correct, drop and resend usage"))
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["store", "external_id"], name="pandabase_usage_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=0, quantity__lte=MAX_QUANTITY),
                name="pandabase_usage_quantity",
            ),
        ]
        # Few: each costs every record, and ten thousand a second are to be taken.
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["store", "subscription", "id"],
                condition=Q(state="PENDING"),
                name="pandabase_usage_pending",
            ),
            models.Index(
                fields=["claimed_until"],
                condition=Q(state="SENDING"),
                name="pandabase_usage_claimed",
            ),
            models.Index(
                fields=["store", "-id"],
                condition=Q(state="REJECTED"),
                name="pandabase_usage_rejected",
            ),
            models.Index(fields=["subscription", "at"], name="pandabase_usage_period"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.quantity}"
