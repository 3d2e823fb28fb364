"""Orders that name a checkout session, and what handlers were called for.

An order counts for a session only when it paid for just what that asks
(``services.purchases.judgement``).
"""

from __future__ import annotations

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
    WriterManager,
    WriterQuerySet,
)
from pandabase_django.models.base.soft import SoftForeignKey
from pandabase_django.models.checkout.sessions import CheckoutSession
from pandabase_django.models.orders import BELONGS, Order, OrderItem
from pandabase_django.models.stores import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandabase_django.models.access.subscriptions import Subscription

__all__ = ["HandledFact", "Purchase", "PurchaseFact"]


class Purchase(PandabaseModel):
    """An order that names a checkout session: whether it paid for it, and who was called for it.

    ``standing`` is what became of the order, ``last_fact`` what handlers were called for last, and
    ``state`` says whether they are to be called. ``mark`` only ever grows: whoever changes the
    standing raises it, so that a change made while handlers run is never overlooked.

    Attributes:
        store: The order's store.
        order: What was paid.
        session: What it names.
        user: Whom the session was opened for. Empty: a guest, or a user who was deleted.
        verdict: Whether it paid for just what the session asks.
        differences: What differs, for a person: the rule, and what was asked and paid.
        seen_at: When it was noticed.
        decided_at: When the verdict was given.
        accepted_by: Who accepted a mismatch.
        accepted_reason: Why, in that person's words.
        state: Whether handlers are to be called.
        mark: Grows with each change of the standing.
        attempts: How often handlers were called in a row without success.
        enqueued_at: When a message for a worker was sent. Empty: the sweeper sends one.
        finished_at: When nothing was left to do last.
        last_error: Which handler failed last, and how; credentials masked.
    """

    class Verdict(models.TextChoices):
        WAITING = "WAITING", _("Not paid yet")
        MATCHED = "MATCHED", _("Paid as asked")
        MISMATCH = "MISMATCH", _("Something else was paid")
        ACCEPTED = "ACCEPTED", _("Accepted by hand")
        RENEWAL = "RENEWAL", _("Renewal of the subscription")

    class Fact(models.TextChoices):
        PAID = "PAID", _("Paid")
        REVERSED = "REVERSED", _("Refunded or charged back")
        RESTORED = "RESTORED", _("Paid again after a dispute")

    class Standing(models.TextChoices):
        IN_FORCE = "IN_FORCE", _("In force")
        REVERSED = "REVERSED", _("Refunded or charged back")

    class State(models.TextChoices):
        IDLE = "IDLE", _("Nothing to do")
        PENDING = "PENDING", _("Pending")
        DEAD = "DEAD", _("Given up")

    store: Relation[Store] = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="+", verbose_name=_("store"), db_index=False
    )
    order: Relation[Order | None] = SoftForeignKey(
        Order,
        null=True,
        related_name="purchases",
        verbose_name=_("order"),
    )
    session: Relation[CheckoutSession] = models.ForeignKey(
        CheckoutSession,
        on_delete=models.PROTECT,
        related_name="purchases",
        verbose_name=_("checkout session"),
    )
    user: Relation[Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="pandabase_purchases",
        verbose_name=_("user"),
    )
    # Nothing at the remote names it: services.purchases.subscriptions finds it.
    subscription: Relation[Subscription | None] = SoftForeignKey(
        "pandabase.Subscription",
        null=True,
        related_name="purchases",
        verbose_name=_("subscription"),
        help_text=_("Which one it began."),
    )
    verdict: Column[str] = models.CharField(
        _("verdict"), max_length=16, choices=Verdict.choices, default=Verdict.WAITING
    )
    differences: Column[Any] = models.JSONField(_("differences"), default=list)
    seen_at: Column[datetime] = models.DateTimeField(_("first seen"), auto_now_add=True)
    decided_at: Column[datetime | None] = models.DateTimeField(_("decided"), null=True)
    accepted_by: Relation[Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("accepted by"),
    )
    accepted_reason: Column[str] = models.TextField(_("accepted because"), default="")

    standing: Column[str] = models.CharField(
        _("standing"),
        max_length=16,
        choices=Standing.choices,
        default="",
        blank=True,
        help_text=_("Of the order, when it was last written."),
    )
    last_fact: Column[str] = models.CharField(
        _("last fact"),
        max_length=16,
        choices=Fact.choices,
        default="",
        blank=True,
        help_text=_("What handlers were called for last."),
    )
    state: Column[str] = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.IDLE
    )
    mark: Column[int] = models.BigIntegerField(default=0, editable=False)
    attempts: Column[int] = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at: Column[datetime | None] = models.DateTimeField(
        _("next attempt"), null=True, help_text=_("Not before; empty when nothing is left to do.")
    )
    enqueued_at: Column[datetime | None] = models.DateTimeField(
        _("enqueued"), null=True, editable=False
    )
    finished_at: Column[datetime | None] = models.DateTimeField(_("finished"), null=True)
    last_error: Column[str] = models.TextField(_("last error"), default="", blank=True)

    objects: ClassVar[WriterManager[Purchase]] = WriterManager()

    if TYPE_CHECKING:
        store_id: str
        order_id: str | None
        session_id: str
        user_id: Any
        subscription_id: str | None
        accepted_by_id: Any
        facts: WriterQuerySet[PurchaseFact]

    class Meta:
        verbose_name: ClassVar[Words] = _("purchase")
        verbose_name_plural: ClassVar[Words] = _("purchases")
        ordering: ClassVar[Sequence[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["order"], name="pandabase_purchase_order"),
            models.UniqueConstraint(fields=["subscription"], name="pandabase_purchase_begins"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state="PENDING"),
                name="pandabase_purchase_due",
            ),
            models.Index(fields=["verdict", "-id"], name="pandabase_purchase_verdict"),
            models.Index(fields=["store", "-id"], name="pandabase_purchase_of_store"),
            models.Index(
                fields=["store"],
                condition=Q(verdict="MISMATCH") | Q(state="DEAD"),
                name="pandabase_purchase_attention",
            ),
        ]
        permissions: ClassVar[list[tuple[str, Words]]] = [
            ("accept_purchase", _("Can accept a purchase by hand")),
            ("replay_purchase", _("Can have handlers called again")),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} → {self.session}"

    @property
    def belongs(self) -> bool:
        """Whether the order counts for the session and its user."""
        return self.verdict in BELONGS

    @property
    def purpose(self) -> str:
        """What the session was opened for."""
        return self.session.purpose

    @property
    def context(self) -> Any:
        """The shop's own JSON, as the session was opened with it."""
        return self.session.context

    @property
    def items(self) -> Sequence[OrderItem]:
        """The lines that were paid."""
        return list(self.order.items.live().order_by("position")) if self.order else []


class PurchaseFact(PandabaseModel):
    """One fact that handlers were called for, in the order of ``number``.

    Each handler's transaction holds this row's lock: nobody begins the next fact meanwhile.

    Attributes:
        purchase: Whose.
        number: Which one in a row, from 1 on.
        fact: What happened.
        state: Whether its handlers are through.
        begun_at: When handlers were called first.
        ended_at: When all were through, or the next fact came.
    """

    class State(models.TextChoices):
        OPEN = "OPEN", _("Handlers are called")
        DONE = "DONE", _("Done")
        STOPPED = "STOPPED", _("Overtaken by the next fact")

    # Without it the order would be handed out again when it is next read.
    purchase: Relation[Purchase] = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, related_name="facts", verbose_name=_("purchase")
    )
    number: Column[int] = models.PositiveIntegerField()
    fact: Column[str] = models.CharField(_("fact"), max_length=16, choices=Purchase.Fact.choices)
    state: Column[str] = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.OPEN
    )
    begun_at: Column[datetime] = models.DateTimeField(_("begun"), auto_now_add=True)
    ended_at: Column[datetime | None] = models.DateTimeField(_("ended"), null=True)

    objects: ClassVar[WriterManager[PurchaseFact]] = WriterManager()

    if TYPE_CHECKING:
        purchase_id: int
        handled: WriterQuerySet[HandledFact]

    class Meta:
        verbose_name: ClassVar[Words] = _("fact of a purchase")
        verbose_name_plural: ClassVar[Words] = _("facts of purchases")
        ordering: ClassVar[Sequence[str]] = ["purchase_id", "number"]
        default_permissions: ClassVar[Sequence[str]] = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["purchase", "number"], name="pandabase_purchasefact_number"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fact} {self.number}"


class HandledFact(PandabaseModel):
    """A handler's work for one fact; written in the same transaction as that work.

    Attributes:
        fact: For which fact.
        handler: The dotted name of the function.
        handled_at: When its transaction began.
    """

    fact: Relation[PurchaseFact] = models.ForeignKey(
        PurchaseFact, on_delete=models.CASCADE, related_name="handled"
    )
    handler: Column[str] = models.CharField(_("handler"), max_length=200)
    handled_at: Column[datetime] = models.DateTimeField(_("handled"), auto_now_add=True)

    objects: ClassVar[WriterManager[HandledFact]] = WriterManager()

    if TYPE_CHECKING:
        fact_id: int

    class Meta:
        verbose_name: ClassVar[Words] = _("handled fact")
        verbose_name_plural: ClassVar[Words] = _("handled facts")
        default_permissions: ClassVar[Sequence[str]] = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["fact", "handler"], name="pandabase_fact_handled_once"),
        ]

    def __str__(self) -> str:
        return self.handler
