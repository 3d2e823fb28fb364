"""The history of every secret rotation, written before and after the one request it consists of."""

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

from pandabase_django.crypto.fields import SealedField, sealed_check_constraint
from pandabase_django.models.base import (
    Column,
    PandabaseModel,
    Relation,
    Words,
    WriterQuerySet,
    manager_of,
)
from pandabase_django.models.tokens import ApiToken
from pandabase_django.texts.times import time_text

__all__ = ["OPEN", "RotationAttempt"]

OPEN = Q(closed_at__isnull=True)
"""Of a rotation: it still needs anything."""


class RotationAttempts(WriterQuerySet["RotationAttempt"]):
    """Rows of ``RotationAttempt``."""

    def real(self) -> RotationAttempts:
        """Without the trial rows by which a preflight sees whether an answer would be kept."""
        return self.exclude(from_version=RotationAttempt.TRIAL_VERSION)

    def open(self) -> RotationAttempts:
        """Those that still need anything: at most one of each token."""
        return self.filter(OPEN)

    def end(self, *, outcome: str, at: datetime) -> None:
        """End these rows, whatever is known of them; call inside a transaction.

        Args:
            outcome: What made them pointless.
            at: Aware time of their end.
        """
        self.filter(state=RotationAttempt.State.PREPARED).update(
            state=RotationAttempt.State.FAILED_SAFE
        )
        self.update(closed_at=at, outcome=outcome, phase="")


class RotationAttempt(PandabaseModel):
    """One try to replace a token's secret.

    A row without ``closed_at`` is open, and a token has at most one. The states and why they
    exist are explained in ``pandabase_django.services.rotation``. Groups of states are named here
    alone; most say something of open rows only, so that a row is asked by its properties.

    Attributes:
        id: Also in the address of its page.
        token: Whose secret is replaced.
        signer: The token that signs the request. Empty: the secret came by hand.
        state: What is known of it; docs/rotation.md says what to do in each state.
        trigger: From where it was asked for.
        started_by: Who asked. Empty: the schedule, a command, or a user who was deleted.
        reason: Why, in the words of who asked.
        from_version: Version of the secret that is replaced; 0 is the trial of a preflight.
        to_version: Version of the new one. Empty: there is none yet.
        prepared_at: When it was recorded.
        sent_at: When its one request left.
        journaled_at: When the answer was sealed and stored.
        closed_at: When it ended. Empty: it is open.
        watch_until: Until when the old secret is tried after an answer that got lost.
        checked_at: When it was tried last.
        reply: The sealed answer, while the secret in it may still be needed.
        reply_status: Of the answer.
        request_id: What Pandabase calls the request.
        outcome: What became of it, as a sentence.
    """

    class State(models.TextChoices):
        PREPARED = "PREPARED", _("Prepared")
        SENT = "SENT", _("Sent")
        JOURNALED = "JOURNALED", _("Reply kept")
        VERIFIED = "VERIFIED", _("New secret verified")
        DONE = "DONE", _("Done")
        FAILED_SAFE = "FAILED_SAFE", _("Failed, old secret works")
        WATCHING = "WATCHING", _("Watching")
        HELD = "HELD", _("Reply held")
        LOST = "LOST", _("Lost")

    class Trigger(models.TextChoices):
        ADMIN = "ADMIN", _("Admin")
        COMMAND = "COMMAND", _("Command")
        POLICY = "POLICY", _("Age policy")
        INSTALL = "INSTALL", _("Installed by hand")

    #: A worker goes on with it.
    IN_FLIGHT = (State.PREPARED, State.SENT, State.JOURNALED, State.VERIFIED)
    #: A new secret may be valid already, and is stored within seconds if all goes well.
    ARRIVING = (State.SENT, State.JOURNALED, State.VERIFIED)
    #: A new secret may be valid already.
    UNDECIDED = (*ARRIVING, State.WATCHING)
    #: Waits for a time, or for a person.
    NEEDS_A_PERSON = (State.WATCHING, State.HELD, State.LOST)
    #: No working secret is stored. A roll signed by another token answers it.
    NEEDS_A_SECRET = (State.HELD, State.LOST)
    #: The secret was not replaced as asked.
    FAILED = (State.FAILED_SAFE, *NEEDS_A_SECRET)
    #: Its kept answer is read, or may be read again.
    HAS_A_REPLY = (State.JOURNALED, State.VERIFIED, State.HELD)
    #: An answer that turns up is kept. The last two may have that of an earlier roll.
    TAKES_A_REPLY = (State.SENT, State.WATCHING, State.LOST, State.VERIFIED, State.HELD)
    #: A secret that was tried and works ends it.
    TAKES_A_SECRET = (*HAS_A_REPLY, State.WATCHING, State.LOST)

    TRIAL_VERSION = 0  # no token ever has it

    id: Column[UUID] = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token: Relation[ApiToken] = models.ForeignKey(
        ApiToken, on_delete=models.PROTECT, related_name="rotations", verbose_name=_("token")
    )
    signer: Relation[ApiToken | None] = models.ForeignKey(
        ApiToken,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("signed by"),
    )
    state: Column[str] = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.PREPARED
    )
    trigger: Column[str] = models.CharField(_("started by"), max_length=16, choices=Trigger.choices)
    started_by: Relation[Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("user"),
    )
    reason: Column[str] = models.TextField(_("reason"))
    from_version: Column[int] = models.PositiveIntegerField(_("from version"))
    to_version: Column[int | None] = models.PositiveIntegerField(_("to version"), null=True)
    prepared_at: Column[datetime] = models.DateTimeField(_("prepared"))
    sent_at: Column[datetime | None] = models.DateTimeField(_("sent"), null=True)
    journaled_at: Column[datetime | None] = models.DateTimeField(_("reply kept at"), null=True)
    closed_at: Column[datetime | None] = models.DateTimeField(_("closed"), null=True)
    watch_until: Column[datetime | None] = models.DateTimeField(_("watch until"), null=True)
    checked_at: Column[datetime | None] = models.DateTimeField(_("last checked"), null=True)
    reply: SealedField = SealedField(purpose="rotation.reply", bind=("token_id",), null=True)
    reply_status: Column[int | None] = models.PositiveIntegerField(_("HTTP status"), null=True)
    request_id: Column[str] = models.TextField(_("request id"), default="", blank=True)
    fingerprint: Column[str] = models.CharField(
        _("fingerprint"),
        max_length=32,
        default="",
        blank=True,
        help_text=_("Keyed: tells two secrets apart and reveals nothing of them."),
    )
    outcome: Column[str] = models.TextField(_("outcome"), default="", blank=True)
    flip: Column[bool] = models.BooleanField(
        _("make active"),
        default=False,
        help_text=_("The token takes the active one's place once its new secret works."),
    )
    follows: Relation[RotationAttempt | None] = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="followed_by",
        verbose_name=_("follows"),
        help_text=_("The rotation whose answer was lost and which this one repeats."),
    )
    phase: Column[str] = models.TextField(
        _("what it does now"), default="", blank=True, help_text=_("While it waits for syncs.")
    )

    objects: ClassVar[RotationAttempts] = manager_of(RotationAttempts)

    if TYPE_CHECKING:
        token_id: UUID
        signer_id: UUID | None
        started_by_id: Any
        follows_id: UUID | None
        followed_by: RotationAttempts

    class Meta:
        verbose_name: ClassVar[Words] = _("rotation")
        verbose_name_plural: ClassVar[Words] = _("rotations")
        ordering: ClassVar[Sequence[str]] = ["-prepared_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["token"],
                condition=OPEN,
                name="pandabase_one_open_rotation",
            ),
            sealed_check_constraint("reply", name="pandabase_rotation_reply_sealed"),
        ]

    def __str__(self) -> str:
        at = time_text(self.prepared_at)
        return f"{at}: {self.get_state_display()}"

    @property
    def is_open(self) -> bool:
        """It still needs anything."""
        return self.closed_at is None

    @property
    def moves_by_itself(self) -> bool:
        """It is open, and workers or time go on with it."""
        return self.is_open and self.state in (*self.IN_FLIGHT, self.State.WATCHING)

    @property
    def needs_a_person(self) -> bool:
        """It is open, and is watched, held or lost."""
        return self.is_open and self.state in self.NEEDS_A_PERSON

    @property
    def needs_a_secret(self) -> bool:
        """It is open, and is held or lost."""
        return self.is_open and self.state in self.NEEDS_A_SECRET

    @property
    def is_held(self) -> bool:
        """It is open, and a person can choose a text of its kept answer."""
        return self.is_open and self.state == self.State.HELD

    @property
    def store_id(self) -> str:
        """The store of its token, so that rules by store can ask every row."""
        return self.token.store_id
