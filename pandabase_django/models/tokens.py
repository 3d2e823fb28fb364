"""API tokens with their sealed secrets, and what each token is allowed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

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
    manager_of,
)
from pandabase_django.models.stores import Store

if TYPE_CHECKING:
    from pandabase_django.models.rotation import RotationAttempts

__all__ = ["SECRET_PATTERN", "TOKEN_ID_PATTERN", "ApiToken", "TokenPermission"]

SECRET_PATTERN = r"\Ask_[!-~]{1,500}\Z"  # as a person gives it; sandboxes and tests have odd ones
TOKEN_ID_PATTERN = r"\Astk_[A-Za-z0-9_-]{1,60}\Z"


class ApiTokens(WriterQuerySet["ApiToken"]):
    """Rows of ``ApiToken``."""

    def active(self) -> ApiTokens:
        """The tokens that stores are called with: at most one of each store."""
        return self.filter(role=ApiToken.Role.ACTIVE)

    def usable(self) -> ApiTokens:
        """Without the retired ones, which sign nothing."""
        return self.exclude(role=ApiToken.Role.RETIRED)


class ApiToken(PandabaseModel):
    """One credential of a store.

    The secret is sealed to this row, its store and its base URL: a copied or edited row can't
    send it anywhere else. Moving a token to another URL therefore means entering the secret again.

    Attributes:
        id: What commands take as ``--token``.
        store: Which store it opens.
        name: For people.
        mode: How requests are signed (Source: P-04, P-05).
        base_url: The address of the API that it belongs to.
        secret: The secret half of the credential.
        secret_hint: Its last characters, for people.
        secret_version: Grows with each secret, from 1 on.
        secret_set_at: When the secret was stored.
        role: Its store is called with the active one.
        health: What its newest call or test has shown.
        health_reason: Why, as a sentence.
        environment: What the deployment was called that it was added in, or confirmed for; it is
            used there alone.
        added_at: When it came here.
        last_tested_at: When its connection was tested.
        last_used_at: When a client was opened with it, to the minute.
    """

    class Mode(models.TextChoices):
        BEARER = "BEARER", _("Bearer")
        HMAC = "HMAC", _("HMAC")

    class Role(models.TextChoices):
        ACTIVE = "ACTIVE", _("Active")
        STANDBY = "STANDBY", _("Standby")
        RETIRED = "RETIRED", _("Retired")

    class Health(models.TextChoices):
        UNTESTED = "UNTESTED", _("Untested")
        OK = "OK", _("OK")
        SUSPECT = "SUSPECT", _("Suspect")
        FAILED = "FAILED", _("Test failed")  # by the way there, which says nothing of the secret

    id: Column[UUID] = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    store: Relation[Store] = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="tokens", verbose_name=_("store")
    )
    name: Column[str] = models.CharField(_("name"), max_length=200)
    mode: Column[str] = models.CharField(_("mode"), max_length=16, choices=Mode.choices)
    token_id: Column[str] = models.CharField(
        _("token id"),
        max_length=64,
        blank=True,
        default="",
        validators=[
            RegexValidator(
                TOKEN_ID_PATTERN,
                _("A token id starts with stk_ and goes on with letters and digits."),
            )
        ],
        help_text=_("Starts with stk_. HMAC mode and rotation need it."),
    )
    base_url: Column[str] = models.CharField(_("base URL"), max_length=255, editable=False)
    secret: SealedField = SealedField(
        purpose="token.secret", bind=("store_id", "base_url"), hint_field="secret_hint"
    )
    secret_hint: Column[str] = models.CharField(
        _("secret"), max_length=16, editable=False, default=""
    )
    secret_version: Column[int] = models.PositiveIntegerField(
        _("secret version"), default=1, editable=False
    )
    secret_set_at: Column[datetime | None] = models.DateTimeField(
        _("secret set"), null=True, editable=False
    )
    role: Column[str] = models.CharField(
        _("role"), max_length=16, choices=Role.choices, default=Role.STANDBY
    )
    health: Column[str] = models.CharField(
        _("health"), max_length=16, choices=Health.choices, default=Health.UNTESTED, editable=False
    )
    health_reason: Column[str] = models.TextField(_("why"), blank=True, default="", editable=False)
    rotate_after_days: Column[int | None] = models.PositiveIntegerField(
        _("rotate after (days)"),
        null=True,
        blank=True,
        help_text=_("Rotate the secret at this age. Empty: only by hand."),
    )
    environment: Column[str] = models.CharField(
        _("environment"), max_length=64, blank=True, default="", db_default="", editable=False
    )
    added_at: Column[datetime] = models.DateTimeField(_("added"), auto_now_add=True)
    last_tested_at: Column[datetime | None] = models.DateTimeField(
        _("last tested"), null=True, editable=False
    )
    last_used_at: Column[datetime | None] = models.DateTimeField(
        _("last used"), null=True, editable=False
    )

    objects: ClassVar[ApiTokens] = manager_of(ApiTokens)

    if TYPE_CHECKING:
        store_id: str
        permissions: WriterQuerySet[TokenPermission]
        rotations: RotationAttempts

    class Meta:
        verbose_name: ClassVar[Words] = _("API token")
        verbose_name_plural: ClassVar[Words] = _("API tokens")
        ordering: ClassVar[Sequence[str]] = ["store_id", "role", "name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["store"],
                condition=Q(role="ACTIVE"),
                name="pandabase_one_active_token",
                violation_error_message=_("This store has an active token already."),
            ),
            # Two rows of one credential: rolling through one spoils the other.
            models.UniqueConstraint(
                fields=["store", "base_url", "token_id"],
                condition=~Q(token_id="") & ~Q(role="RETIRED"),
                name="pandabase_one_usable_token_id",
                violation_error_message=_("Another token in use has this token id."),
            ),
            models.CheckConstraint(
                condition=~Q(mode="HMAC", token_id=""),
                name="pandabase_hmac_needs_token_id",
                violation_error_message=_("An HMAC token needs its token id (stk_…)."),
            ),
            sealed_check_constraint("secret", name="pandabase_token_secret_sealed"),
        ]
        permissions: ClassVar[list[tuple[str, Words]]] = [
            ("test_apitoken", _("Can test a connection")),
            ("rotate_apitoken", _("Can rotate a secret")),
            ("confirm_apitoken", _("Can confirm a token for this environment")),
        ]

    def __str__(self) -> str:
        return f"{self.name} · {self.store}"

    @property
    def is_active(self) -> bool:
        """Its store is called with it."""
        return self.role == self.Role.ACTIVE

    @property
    def is_usable(self) -> bool:
        """A retired token signs nothing."""
        return self.role != self.Role.RETIRED


class TokenPermission(PandabaseModel):
    """One permission code of a token: what its owner declares and what calls have shown.

    No call of the remote reports a token's permissions (Source: P-13).

    Attributes:
        token: Whose.
        code: Such as ORDERS_READ.
        declared: Its owner says that the token has it.
        observed: What calls have shown.
        observed_at: When they did last.
    """

    class Observed(models.TextChoices):
        UNKNOWN = "UNKNOWN", _("Unknown")
        GRANTED = "GRANTED", _("Granted")
        DENIED = "DENIED", _("Denied")

    token: Relation[ApiToken] = models.ForeignKey(
        ApiToken, on_delete=models.CASCADE, related_name="permissions"
    )
    code: Column[str] = models.CharField(_("code"), max_length=100)
    declared: Column[bool] = models.BooleanField(_("declared"), default=False)
    observed: Column[str] = models.CharField(
        _("observed"), max_length=16, choices=Observed.choices, default=Observed.UNKNOWN
    )
    observed_at: Column[datetime | None] = models.DateTimeField(_("observed at"), null=True)

    objects: ClassVar[WriterManager[TokenPermission]] = WriterManager()

    if TYPE_CHECKING:
        token_id: UUID

    class Meta:
        verbose_name: ClassVar[Words] = _("token permission")
        verbose_name_plural: ClassVar[Words] = _("token permissions")
        ordering: ClassVar[Sequence[str]] = ["token_id", "code"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["token", "code"], name="pandabase_token_code"),
        ]

    def __str__(self) -> str:
        return self.code
