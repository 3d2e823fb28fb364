"""The shop at Pandabase that tokens open and mirror rows belong to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import (
    Column,
    PandabaseModel,
    Words,
    WriterManager,
    WriterQuerySet,
)
from pandabase_django.printable import printable

if TYPE_CHECKING:
    from pandabase_django.models.checkout.sessions import CheckoutSession
    from pandabase_django.models.sync import RequestLog, SyncCursor, SyncRunQuerySet
    from pandabase_django.models.tokens import ApiTokens
    from pandabase_django.models.usage import UsageRecordQuerySet
    from pandabase_django.models.webhooks import WebhookEndpoint

__all__ = ["STORE_ID_PATTERN", "Store", "store_of"]

STORE_ID_PATTERN = r"\Ashp_[A-Za-z0-9]{1,60}\Z"


class Store(PandabaseModel):
    """A remote store. Its id is the remote's (Source: P-01); everything else may be unknown.

    Attributes:
        title: Its name at Pandabase.
        handle: Its part of an address there.
        currency: Code of three letters: what its account is kept in.
        country: Code of two letters.
        mark: Whether it takes real money; "" when nobody has said. Known from the address of its
            first token, or set by a person. A test store is shown as one wherever it is named.
        note: Your own words on it.
        added_at: When it came here.
    """

    class Mark(models.TextChoices):
        LIVE = "LIVE", _("Live")
        TEST = "TEST", _("Test")

    id: Column[str] = models.CharField(
        _("store id"),
        primary_key=True,
        max_length=64,
        validators=[
            RegexValidator(
                STORE_ID_PATTERN,
                _("A store id starts with shp_ and goes on with letters and digits."),
            )
        ],
        help_text=_("As shown in the Pandabase dashboard; starts with shp_."),
    )
    title: Column[str] = models.TextField(_("title"), blank=True, default="")
    handle: Column[str] = models.TextField(_("handle"), blank=True, default="")
    currency: Column[str] = models.CharField(_("currency"), max_length=16, blank=True, default="")
    country: Column[str] = models.CharField(_("country"), max_length=64, blank=True, default="")
    enabled: Column[bool] = models.BooleanField(
        _("enabled"), default=True, help_text=_("Scheduled syncs read enabled stores only.")
    )
    mark: Column[str] = models.CharField(
        _("mark"),
        max_length=8,
        choices=Mark.choices,
        blank=True,
        default="",
        db_default="",
        help_text=_("Whether it takes real money. A test store is named as one everywhere."),
    )
    note: Column[str] = models.TextField(_("note"), blank=True, default="")
    added_at: Column[datetime] = models.DateTimeField(_("added"), auto_now_add=True)

    objects: ClassVar[WriterManager[Store]] = WriterManager()

    if TYPE_CHECKING:
        runs: SyncRunQuerySet
        cursors: WriterQuerySet[SyncCursor]
        request_logs: WriterQuerySet[RequestLog]
        checkout_sessions: WriterQuerySet[CheckoutSession]
        tokens: ApiTokens
        usage_records: UsageRecordQuerySet
        webhook_endpoints: WriterQuerySet[WebhookEndpoint]

    class Meta:
        verbose_name: ClassVar[Words] = _("store")
        verbose_name_plural: ClassVar[Words] = _("stores")
        ordering: ClassVar[Sequence[str]] = ["id"]
        permissions: ClassVar[list[tuple[str, Words]]] = [("run_sync", _("Can start a sync"))]

    def __str__(self) -> str:
        name = printable(self.title) or self.id
        is_test = self.mark == self.Mark.TEST
        return _("%(store)s (test)") % {"store": name} if is_test else name


def store_of(row: Any) -> Store:
    """The store that a row belongs to, if need be by its token or its endpoint."""
    if isinstance(row, Store):
        return row
    owner = next(name for name in ("store", "token", "endpoint") if hasattr(row, name))
    return store_of(getattr(row, owner))
