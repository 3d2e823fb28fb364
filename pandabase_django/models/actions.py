"""What was asked of the remote after a sale: one row an action, committed before it is sent."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

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
from pandabase_django.models.stores import Store
from pandabase_django.texts.times import time_text

__all__ = ["OPEN_ACTION", "RemoteAction"]

OPEN_ACTION = Q(closed_at__isnull=True)
"""Of an action: it is not known yet what became of it."""


class RemoteActions(WriterQuerySet["RemoteAction"]):
    """Rows of ``RemoteAction``."""

    def open(self) -> RemoteActions:
        """Those whose end is not known: at most one of each object."""
        return self.filter(OPEN_ACTION)

    def of(self, row: Any) -> RemoteActions:
        """Those of one order, dispute or subscription, newest first."""
        return self.filter(store=row.store_id, object_id=row.pk)


class RemoteAction(PandabaseModel):
    """A refund, a cancellation or another thing that is done at the remote, once.

    The states and their reasons open ``pandabase_django.services.actions``.

    Attributes:
        id: Also in the address of its page.
        store: The store that it is done in.
        what: What is done.
        parameters: What is sent, such as a reason code. Words about a person go once they have
            arrived.
        reason: Why, in the words of who asked. It stays here.
        asked_by: Who asked. Empty: your own code, or a user who was deleted.
        asked_at: When it was asked for.
        idempotency_key: What the one request is sent with (Source: P-10).
        state: What is known of it; ``services.actions`` has the reasons.
        sent_at: When the request left last.
        watch_until: When an answer that got lost counts as not executed, if reading shows nothing
            until then.
        looked_at: When Pandabase was read for it last.
        closed_at: When it became clear what became of it. Empty: it is open.
        settled_by: How that became clear.
        next_attempt_at: When its next step is due. Prepared: it is sent. Sent or not known: it is
            looked for. Closed: the mirrored rows are read again. Empty: none.
        enqueued_at: When a message for a worker was sent. Empty: the sweeper sends one.
        http_status: Of the answer.
        request_id: What Pandabase calls the request.
        outcome: What became of it, as a sentence.
        rows_read_tries: How often the rows were read again and did not show it yet.
    """

    class What(models.TextChoices):
        REFUND = "REFUND", _("Refund")
        RETRY_FULFILMENT = "RETRY_FULFILMENT", _("Retry fulfilment")
        EVIDENCE = "EVIDENCE", _("Dispute evidence")
        CANCEL = "CANCEL", _("Cancel subscription")
        PAUSE = "PAUSE", _("Pause subscription")
        RESUME = "RESUME", _("Resume subscription")
        REACTIVATE = "REACTIVATE", _("Reactivate subscription")
        CHANGE_PLAN = "CHANGE_PLAN", _("Change plan")

    class State(models.TextChoices):
        PREPARED = "PREPARED", _("Prepared")
        SENT = "SENT", _("Sent")
        DONE = "DONE", _("Done")
        REFUSED = "REFUSED", _("Not done")
        UNKNOWN = "UNKNOWN", _("Not known")

    class SettledBy(models.TextChoices):
        ANSWER = "ANSWER", _("Pandabase's answer")
        READING = "READING", _("Reading at Pandabase")
        PERSON = "PERSON", _("A person")
        TIME = "TIME", _("Time")

    #: It may have been executed.
    UNDECIDED = (State.SENT, State.UNKNOWN)
    #: Parameters whose texts are codes and ids; any other text is words about a person.
    CODES = frozenset(
        {"billing_interval", "product_id", "proration_behavior", "reason", "variant_id"}
    )

    id: Column[UUID] = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    store: Relation[Store] = models.ForeignKey(
        Store,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("store"),
        db_index=False,
    )
    what: Column[str] = models.CharField(_("action"), max_length=24, choices=What.choices)
    object_id: Column[str] = models.CharField(
        _("object"), max_length=128, help_text=_("Id of the order, dispute or subscription.")
    )
    parameters: Column[Any] = models.JSONField(_("parameters"), default=dict)
    reason: Column[str] = models.TextField(_("reason"), default="", blank=True)
    asked_by: Relation[Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("user"),
    )
    had_user: Column[bool] = models.BooleanField(
        _("asked by a user"), db_default=False, help_text=_("Stays when the user is deleted.")
    )
    asked_at: Column[datetime] = models.DateTimeField(_("asked for"))
    idempotency_key: Column[str] = models.CharField(
        _("idempotency key"), max_length=32, editable=False
    )
    state: Column[str] = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.PREPARED
    )
    tries: Column[int] = models.PositiveSmallIntegerField(
        _("tries"), default=0, help_text=_("All but the last surely did not reach Pandabase.")
    )
    sent_at: Column[datetime | None] = models.DateTimeField(_("sent"), null=True)
    watch_until: Column[datetime | None] = models.DateTimeField(_("watch until"), null=True)
    looked_at: Column[datetime | None] = models.DateTimeField(_("last looked"), null=True)
    closed_at: Column[datetime | None] = models.DateTimeField(_("closed"), null=True)
    settled_by: Column[str] = models.CharField(
        _("settled by"), max_length=16, choices=SettledBy.choices, default="", blank=True
    )
    next_attempt_at: Column[datetime | None] = models.DateTimeField(_("next step"), null=True)
    enqueued_at: Column[datetime | None] = models.DateTimeField(null=True, editable=False)
    http_status: Column[int | None] = models.PositiveIntegerField(_("HTTP status"), null=True)
    request_id: Column[str] = models.TextField(_("request id"), default="", blank=True)
    result_id: Column[str] = models.CharField(
        _("made"), max_length=128, default="", blank=True, help_text=_("Such as the refund's id.")
    )
    outcome: Column[str] = models.TextField(_("outcome"), default="", blank=True)
    rows_read_at: Column[datetime | None] = models.DateTimeField(
        _("read again"), null=True, help_text=_("When the copy here was read after it.")
    )
    rows_read_tries: Column[int] = models.PositiveSmallIntegerField(default=0, editable=False)

    objects: ClassVar[RemoteActions] = manager_of(RemoteActions)

    if TYPE_CHECKING:
        store_id: str
        asked_by_id: Any

    class Meta:
        verbose_name: ClassVar[Words] = _("action")
        verbose_name_plural: ClassVar[Words] = _("actions")
        ordering: ClassVar[Sequence[str]] = ["-asked_at", "-id"]
        permissions: ClassVar[list[tuple[str, Words]]] = [
            ("refund_order", _("Can refund an order")),
            ("retry_fulfilment_order", _("Can retry the fulfilment of an order")),
            ("answer_dispute", _("Can answer a dispute")),
            ("cancel_subscription", _("Can cancel a subscription")),
            ("pause_subscription", _("Can pause a subscription")),
            ("resume_subscription", _("Can resume a subscription")),
            ("reactivate_subscription", _("Can reactivate a subscription")),
            ("change_plan_subscription", _("Can change the plan of a subscription")),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["store", "object_id"],
                condition=OPEN_ACTION,
                name="pandabase_one_open_action",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-asked_at", "-id"], name="pandabase_action_newest"),
            models.Index(
                fields=["store", "object_id", "-asked_at"], name="pandabase_action_object"
            ),
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="pandabase_action_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()}, {time_text(self.asked_at)}"

    @property
    def is_open(self) -> bool:
        """It is not known yet what became of it."""
        return self.closed_at is None

    @property
    def words(self) -> dict[str, str]:
        """Those of the parameters that are words about a person."""
        return {
            name: str(value)
            for name, value in self.parameters.items()
            if not (name in self.CODES or value is None or isinstance(value, (bool, int, float)))
        }

    def without_words(self) -> dict[str, Any]:
        """The parameters, with lengths in the place of words about a person."""
        words = self.words
        return {
            **{name: value for name, value in self.parameters.items() if name not in words},
            **{f"{name}_characters": len(text) for name, text in words.items()},
        }
