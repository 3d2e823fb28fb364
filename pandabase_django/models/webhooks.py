"""Webhook endpoints, the deliveries they took or refused, and which handler saw which event."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.validators import RegexValidator
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

__all__ = [
    "ENDPOINT_ID_PATTERN",
    "HandledEvent",
    "RefusedDeliveries",
    "WebhookDelivery",
    "WebhookEndpoint",
    "new_endpoint_id",
]

ENDPOINT_ID_PATTERN = r"\A[A-Za-z0-9_-]{16,64}\Z"
MAX_EVENT_ID_CHARACTERS = 128


def new_endpoint_id() -> str:
    """The last part of an endpoint's URL: 160 random bits in hex."""
    return secrets.token_hex(20)


class WebhookEndpoint(PandabaseModel):
    """One address at which a store's deliveries arrive.

    Two signing secrets can be alive while one replaces the other. Nothing rolls a signing secret
    at the remote (Source: P-35): a second registration of the same address brings the new one,
    and both deliver until the first is deleted.

    Attributes:
        id: The last part of its address: random, and no proof of anything.
        store: Whose deliveries arrive.
        label: For people.
        secret: What deliveries are signed with. Empty: none is known yet.
        secret_hint: Its last characters, for people.
        secret_set_at: When it was stored.
        previous_secret: The one before, good until ``previous_valid_until``.
        previous_secret_hint: Its last characters, for people.
        previous_valid_until: Until when both are good.
        registration: Whether Pandabase knows this address.
        remote_id: What Pandabase calls the registration.
        previous_remote_id: What it calls the one that is replaced.
        event_types: The events that it is registered for.
        signature_version: How Pandabase signs: V1 or V2.
        compared_at: When this row and Pandabase were last compared.
        key_reading: How the secret is read as a key (Source: P-32). Empty: no delivery has shown
            it.
        added_at: When it was made.
    """

    class Registration(models.TextChoices):
        BY_HAND = "BY_HAND", _("By hand")
        PENDING = "PENDING", _("Being registered")
        REGISTERED = "REGISTERED", _("Registered")
        GONE = "GONE", _("Not found at Pandabase")

    class KeyReading(models.TextChoices):
        TEXT = "TEXT", _("the secret's text")
        BASE64 = "BASE64", _("the secret, base64-decoded")

    id: Column[str] = models.CharField(
        _("endpoint id"),
        primary_key=True,
        max_length=64,
        default=new_endpoint_id,
        editable=False,
        validators=[RegexValidator(ENDPOINT_ID_PATTERN)],
    )
    store: Relation[Store] = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="webhook_endpoints", verbose_name=_("store")
    )
    label: Column[str] = models.CharField(_("label"), max_length=200, blank=True, default="")
    enabled: Column[bool] = models.BooleanField(
        _("enabled"), default=True, help_text=_("A disabled endpoint refuses every delivery.")
    )

    secret: SealedField = SealedField(
        purpose="webhook.secret", bind=("store_id",), hint_field="secret_hint", null=True
    )
    secret_hint: Column[str] = models.CharField(
        _("signing secret"), max_length=16, editable=False, default="", blank=True
    )
    secret_set_at: Column[datetime | None] = models.DateTimeField(
        _("signing secret set"), null=True, editable=False
    )
    previous_secret: SealedField = SealedField(
        purpose="webhook.previous_secret",
        bind=("store_id",),
        hint_field="previous_secret_hint",
        null=True,
    )
    previous_secret_hint: Column[str] = models.CharField(
        _("previous signing secret"), max_length=16, editable=False, default="", blank=True
    )
    previous_valid_until: Column[datetime | None] = models.DateTimeField(
        _("previous secret valid until"), null=True, editable=False
    )
    v1_allowed_until: Column[datetime | None] = models.DateTimeField(
        _("accept V1 until"),
        null=True,
        blank=True,
        help_text=_("V1 signatures are deprecated. Empty: V2 alone."),
    )

    registration: Column[str] = models.CharField(
        _("registration"),
        max_length=16,
        choices=Registration.choices,
        default=Registration.BY_HAND,
        editable=False,
    )
    url: Column[str] = models.TextField(
        _("URL"), default="", editable=False, help_text=_("As it was registered at Pandabase.")
    )
    remote_id: Column[str] = models.CharField(
        _("remote id"), max_length=128, default="", editable=False
    )
    previous_remote_id: Column[str] = models.CharField(
        _("previous remote id"), max_length=128, default="", editable=False
    )
    event_types: Column[Any] = models.JSONField(_("event types"), default=list, blank=True)
    signature_version: Column[str] = models.CharField(
        _("signature version"), max_length=8, default="V2", editable=False
    )
    drift: Column[Any] = models.JSONField(
        _("differences"),
        default=list,
        editable=False,
        help_text=_("Between this row and Pandabase, when they were last compared."),
    )
    compared_at: Column[datetime | None] = models.DateTimeField(
        _("compared"), null=True, editable=False
    )
    strays: Column[Any] = models.JSONField(
        _("strays"),
        default=list,
        editable=False,
        help_text=_("Registrations of this address whose secret is not known here."),
    )

    key_reading: Column[str] = models.CharField(
        _("key is"), max_length=16, choices=KeyReading.choices, default="", editable=False
    )
    last_verified_at: Column[datetime | None] = models.DateTimeField(
        _("last good delivery"), null=True, editable=False, help_text=_("To the minute.")
    )
    added_at: Column[datetime] = models.DateTimeField(_("added"), auto_now_add=True)

    objects: ClassVar[WriterManager[WebhookEndpoint]] = WriterManager()

    if TYPE_CHECKING:
        store_id: str
        deliveries: WriterQuerySet[WebhookDelivery]

    class Meta:
        verbose_name: ClassVar[Words] = _("webhook endpoint")
        verbose_name_plural: ClassVar[Words] = _("webhook endpoints")
        ordering: ClassVar[Sequence[str]] = ["store_id", "added_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            sealed_check_constraint("secret", name="pandabase_webhook_secret_sealed"),
            sealed_check_constraint("previous_secret", name="pandabase_webhook_previous_sealed"),
        ]
        permissions: ClassVar[list[tuple[str, Words]]] = [
            ("register_webhookendpoint", _("Can register, update and delete at Pandabase")),
        ]

    def __str__(self) -> str:
        return self.label or f"{self.store} …{self.pk[-6:]}"


class WebhookDelivery(PandabaseModel):
    """One event that arrived with a good signature.

    Kept once for each endpoint and event id. The payload is what handlers get: ids, states,
    amounts, times and metadata; no address, card, licence or place.

    Attributes:
        endpoint: Where it arrived.
        event_id: Pandabase's id; the same for each repetition.
        event: Such as PAYMENT_COMPLETED.
        event_at: When it happened, as Pandabase says. Empty: that is not readable.
        received_at: When it arrived.
        order_id: The order that it names; empty when it names none.
        payload: What handlers get: ids, states, amounts, times and metadata.
        body_sha256: Knows a repetition with another body.
        headers: Id, time, sender's name and content type; no signature.
        version: Of the signature.
        key_reading: How the secret was read as a key (Source: P-32).
        used_previous_secret: The secret from before the newest one.
        state: Whether it is handled.
        attempts: How often that was tried.
        enqueued_at: When a message for a worker was sent. Empty: the sweeper sends one.
        finished_at: When it was handled, ignored or given up.
        last_error: Why the last try failed; credentials masked.
    """

    class State(models.TextChoices):
        PENDING = "PENDING", _("Pending")
        PROCESSED = "PROCESSED", _("Processed")
        IGNORED = "IGNORED", _("Ignored")
        DEAD = "DEAD", _("Dead letter")

    class Version(models.TextChoices):
        V1 = "V1", "V1"
        V2 = "V2", "V2"

    endpoint: Relation[WebhookEndpoint] = models.ForeignKey(
        WebhookEndpoint,
        on_delete=models.PROTECT,
        related_name="deliveries",
        verbose_name=_("endpoint"),
    )
    event_id: Column[str] = models.CharField(_("event id"), max_length=MAX_EVENT_ID_CHARACTERS)
    event: Column[str] = models.CharField(_("event"), max_length=100)
    event_at: Column[datetime | None] = models.DateTimeField(_("event time"), null=True)
    received_at: Column[datetime] = models.DateTimeField(_("received"))
    order_id: Column[str] = models.CharField(
        _("order"), max_length=128, default="", blank=True, db_index=True
    )
    payload: Column[Any] = models.JSONField(_("payload"), default=dict)
    body_sha256: Column[str] = models.CharField(_("SHA-256 of the body"), max_length=64)
    headers: Column[Any] = models.JSONField(_("headers"), default=dict)
    version: Column[str] = models.CharField(_("signature"), max_length=8, choices=Version.choices)
    key_reading: Column[str] = models.CharField(
        _("key is"), max_length=16, choices=WebhookEndpoint.KeyReading.choices
    )
    used_previous_secret: Column[bool] = models.BooleanField(
        _("signed with the previous secret"), default=False
    )
    conflicts: Column[int] = models.PositiveIntegerField(
        _("other bodies"),
        default=0,
        help_text=_("Deliveries under this event id whose body differed; the first was kept."),
    )

    state: Column[str] = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.PENDING
    )
    attempts: Column[int] = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at: Column[datetime | None] = models.DateTimeField(
        _("next attempt"), null=True, help_text=_("Not before; empty when nothing is left to do.")
    )
    enqueued_at: Column[datetime | None] = models.DateTimeField(
        _("enqueued"), null=True, editable=False
    )
    finished_at: Column[datetime | None] = models.DateTimeField(_("finished"), null=True)
    last_error: Column[str] = models.TextField(_("last error"), default="", blank=True)

    objects: ClassVar[WriterManager[WebhookDelivery]] = WriterManager()

    if TYPE_CHECKING:
        endpoint_id: str

    class Meta:
        verbose_name: ClassVar[Words] = _("webhook delivery")
        verbose_name_plural: ClassVar[Words] = _("webhook deliveries")
        ordering: ClassVar[Sequence[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["endpoint", "event_id"], name="pandabase_delivery_once"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state="PENDING"),
                name="pandabase_delivery_due",
            ),
            models.Index(fields=["received_at"], name="pandabase_delivery_received"),
            models.Index(
                fields=["endpoint"], condition=Q(state="DEAD"), name="pandabase_delivery_dead"
            ),
        ]
        permissions: ClassVar[list[tuple[str, Words]]] = [
            ("replay_webhookdelivery", _("Can replay deliveries"))
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.event_id}"


class HandledEvent(PandabaseModel):
    """A handler's work for one event was committed; written in the same transaction as that work.

    Keyed by store, not by endpoint: the same event may reach two endpoints of a store.

    Attributes:
        store: The event's store.
        event_id: Which event.
        handler: The dotted name of the function, or of the work (``Event.once``).
        handled_at: When its transaction began.
    """

    store: Relation[Store] = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="+")
    event_id: Column[str] = models.CharField(max_length=MAX_EVENT_ID_CHARACTERS)
    handler: Column[str] = models.CharField(max_length=200)
    handled_at: Column[datetime] = models.DateTimeField()

    objects: ClassVar[WriterManager[HandledEvent]] = WriterManager()

    if TYPE_CHECKING:
        store_id: str

    class Meta:
        verbose_name: ClassVar[Words] = _("handled event")
        verbose_name_plural: ClassVar[Words] = _("handled events")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["store", "event_id", "handler"], name="pandabase_event_handled_once"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["handled_at"], name="pandabase_event_handled_at")
        ]

    def __str__(self) -> str:
        return f"{self.handler} {self.event_id}"


class RefusedDeliveries(PandabaseModel):
    """How many deliveries an endpoint refused on which day and why, and the newest of them.

    Attributes:
        place: The endpoint's id; all unknown addresses share one row.
        newest: The newest twenty: when and why, and their headers.
        noted_at: When this row was written last.
    """

    # No foreign key: a refusal must never fail for its endpoint, nor keep one from being deleted.
    place: Column[str] = models.CharField(_("endpoint id"), primary_key=True, max_length=64)
    counts: Column[Any] = models.JSONField(
        _("counts"), default=dict, help_text=_("By day in UTC and by reason.")
    )
    newest: Column[Any] = models.JSONField(_("newest"), default=list)
    noted_at: Column[datetime] = models.DateTimeField(_("last noted"))

    objects: ClassVar[WriterManager[RefusedDeliveries]] = WriterManager()

    class Meta:
        verbose_name: ClassVar[Words] = _("refused deliveries")
        verbose_name_plural: ClassVar[Words] = _("refused deliveries")
        default_permissions: ClassVar[Sequence[str]] = ()

    def __str__(self) -> str:
        return self.place
