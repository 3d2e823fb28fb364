"""What moves money besides orders: refunds, disputes, the store's ledger and its payouts.

Rows hold what the remote's lists show. Amounts are minor units of ``currency``. Lists of refunds
and disputes name no currency, so it is the order's, as soon as that is here. The currency of the
ledger and of payouts is the store's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import Column, Relation, Words, manager_of
from pandabase_django.models.base.mirror import MirrorQuerySet, MirrorRow, mirror_constraint
from pandabase_django.models.base.soft import SoftForeignKey
from pandabase_django.models.orders import Order

__all__ = ["Dispute", "LedgerEntry", "Payout", "Refund"]


class RefundQuerySet(MirrorQuerySet["Refund"]):
    """Refunds; see ``live``."""


class Refund(MirrorRow):
    """A refund, always of a whole order. PROCESSING ones may still fail.

    Attributes:
        order: The order that is refunded.
        status: Such as PROCESSING, COMPLETED or SUCCESSFUL (Source: P-26).
        reason: A code, such as REQUESTED_BY_CUSTOMER.
        amount_minor: What goes back.
        currency: Code of three letters: the order's, as soon as that is here.
        created_at: When it was asked for.
    """

    order: Relation[Order | None] = SoftForeignKey(
        Order,
        null=True,
        related_name="refunds",
        verbose_name=_("order"),
    )
    status: Column[str] = models.TextField(_("status"), default="")
    reason: Column[str] = models.TextField(_("reason"), default="")
    amount_minor: Column[int | None] = models.BigIntegerField(_("amount"), null=True)
    currency: Column[str] = models.TextField(_("currency"), default="")
    created_at: Column[datetime | None] = models.DateTimeField(_("created"), null=True)

    objects: ClassVar[RefundQuerySet] = manager_of(RefundQuerySet)

    if TYPE_CHECKING:
        order_id: str | None

    class Meta:
        verbose_name: ClassVar[Words] = _("refund")
        verbose_name_plural: ClassVar[Words] = _("refunds")
        ordering: ClassVar[Sequence[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [mirror_constraint("refund")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["order"], name="pandabase_refund_order"),
            models.Index(fields=["-created_at", "-id"], name="pandabase_refund_newest"),
            models.Index(
                fields=["store"], condition=Q(currency=""), name="pandabase_refund_no_currency"
            ),
        ]

    def __str__(self) -> str:
        return self.id


class DisputeQuerySet(MirrorQuerySet["Dispute"]):
    """Disputes; see ``live``."""


class Dispute(MirrorRow):
    """A customer's bank asks for the money of an order back.

    Attributes:
        order: The order that is disputed.
        status: AWAITING_REVIEW, UNDER_REVIEW, WON, LOST or PREVENTED (Source: P-28).
        reason: The bank's code.
        amount_minor: What is disputed.
        fee_minor: What the dispute costs.
        currency: Code of three letters: the order's, as soon as that is here.
        created_at: When the bank opened it. Evidence is taken for seven days from then on.
    """

    order: Relation[Order | None] = SoftForeignKey(
        Order,
        null=True,
        related_name="disputes",
        verbose_name=_("order"),
    )
    status: Column[str] = models.TextField(_("status"), default="")
    reason: Column[str] = models.TextField(_("reason"), default="")
    amount_minor: Column[int | None] = models.BigIntegerField(_("amount"), null=True)
    total_minor: Column[int | None] = models.BigIntegerField(
        _("total paid"), null=True, help_text=_("What the customer had paid.")
    )
    fee_minor: Column[int | None] = models.BigIntegerField(_("fee"), null=True)
    currency: Column[str] = models.TextField(_("currency"), default="")
    created_at: Column[datetime | None] = models.DateTimeField(_("created"), null=True)

    objects: ClassVar[DisputeQuerySet] = manager_of(DisputeQuerySet)

    if TYPE_CHECKING:
        order_id: str | None

    class Meta:
        verbose_name: ClassVar[Words] = _("dispute")
        verbose_name_plural: ClassVar[Words] = _("disputes")
        ordering: ClassVar[Sequence[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [mirror_constraint("dispute")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["order"], name="pandabase_dispute_order"),
            models.Index(fields=["-created_at", "-id"], name="pandabase_dispute_newest"),
            models.Index(
                fields=["store"], condition=Q(currency=""), name="pandabase_dispute_no_currency"
            ),
        ]

    def __str__(self) -> str:
        return self.id


class LedgerEntryQuerySet(MirrorQuerySet["LedgerEntry"]):
    """Entries of ledgers; see ``live``."""


class LedgerEntry(MirrorRow):
    """A movement of money; ``amount_minor`` is negative when it leaves the balance.

    Attributes:
        type: Such as PAYMENT_RECEIVED or PAYOUT (Source: P-57).
        amount_minor: Negative when it leaves the balance.
        currency: Code of three letters: the store's.
        description: Pandabase's words.
        created_at: When it was booked.
    """

    type: Column[str] = models.TextField(_("type"), default="")
    amount_minor: Column[int | None] = models.BigIntegerField(_("amount"), null=True)
    balance_minor: Column[int | None] = models.BigIntegerField(
        _("balance"), null=True, help_text=_("After this movement.")
    )
    currency: Column[str] = models.TextField(_("currency"), default="")
    reference_id: Column[str] = models.TextField(
        _("belongs to"),
        default="",
        help_text=_("The id of a payment, a payout or the store, by the type."),
    )
    description: Column[str] = models.TextField(_("description"), default="")
    created_at: Column[datetime | None] = models.DateTimeField(_("created"), null=True)

    objects: ClassVar[LedgerEntryQuerySet] = manager_of(LedgerEntryQuerySet)

    class Meta:
        verbose_name: ClassVar[Words] = _("ledger entry")
        verbose_name_plural: ClassVar[Words] = _("ledger entries")
        ordering: ClassVar[Sequence[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [mirror_constraint("ledgerentry")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["reference_id"], name="pandabase_ledger_reference"),
            models.Index(fields=["-created_at", "-id"], name="pandabase_ledger_newest"),
            models.Index(
                fields=["store"], condition=Q(currency=""), name="pandabase_ledger_no_currency"
            ),
        ]
        permissions: ClassVar[list[tuple[str, Words]]] = [
            ("close_ledgerentry", _("Can close months of the books"))
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def order(self) -> Order | None:
        """The order whose payment this belongs to; None when it is not here, or of no order.

        A query for each entry: the remote names payments here, not orders.
        """
        if not self.reference_id:
            return None
        orders = Order.objects.filter(store=self.store_id)
        paid = orders.filter(payment_id=self.reference_id).order_by("pk").first()
        return paid or orders.filter(pk=self.reference_id).first()


class PayoutQuerySet(MirrorQuerySet["Payout"]):
    """Payouts; see ``live``."""


class Payout(MirrorRow):
    """Money that was sent from the store's balance to its bank.

    Attributes:
        status: Such as PENDING or PAID.
        amount_minor: What was sent.
        fee_minor: What sending it cost.
        currency: Code of three letters: the store's.
        created_at: When it was made.
        updated_at: When it was changed last.
        absences: Clean passes in a row that did not list it.
    """

    status: Column[str] = models.TextField(_("status"), default="")
    amount_minor: Column[int | None] = models.BigIntegerField(_("amount"), null=True)
    fee_minor: Column[int | None] = models.BigIntegerField(_("fee"), null=True)
    currency: Column[str] = models.TextField(_("currency"), default="")
    reference_id: Column[str] = models.TextField(
        _("reference"), default="", help_text=_("As the bank knows it.")
    )
    method_id: Column[str] = models.TextField(
        _("bank account"), default="", help_text=_("The id of the account it went to.")
    )
    created_at: Column[datetime | None] = models.DateTimeField(_("created"), null=True)
    updated_at: Column[datetime | None] = models.DateTimeField(_("updated"), null=True)
    absences: Column[int] = models.PositiveSmallIntegerField(default=0, editable=False)

    objects: ClassVar[PayoutQuerySet] = manager_of(PayoutQuerySet)

    class Meta:
        verbose_name: ClassVar[Words] = _("payout")
        verbose_name_plural: ClassVar[Words] = _("payouts")
        ordering: ClassVar[Sequence[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [mirror_constraint("payout")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-created_at", "-id"], name="pandabase_payout_newest"),
            models.Index(
                fields=["store"], condition=Q(currency=""), name="pandabase_payout_no_currency"
            ),
        ]

    def __str__(self) -> str:
        return self.id
