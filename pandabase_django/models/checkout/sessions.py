"""Checkout sessions that the shop opened.

Anybody can open a checkout and pay it (Source: P-36, P-38). So what was sold to whom is what these
rows say, which were written before the remote was asked.
"""

from __future__ import annotations

import secrets
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
    WriterManager,
    WriterQuerySet,
)
from pandabase_django.models.stores import Store

if TYPE_CHECKING:
    from pandabase_django.models.checkout.purchases import Purchase

__all__ = ["METADATA_KEY", "REFERENCE_PATTERN", "CheckoutSession", "new_reference"]


METADATA_KEY = "pandabase_django"  # under which the reference travels in the metadata
REFERENCE_PATTERN = r"\A[0-9a-f]{32}\Z"


def new_reference() -> str:
    """128 random bits in hex."""
    return secrets.token_hex(16)


class CheckoutSession(PandabaseModel):
    """What the shop asked to be paid, by whom and for what. Amounts are minor units.

    Attributes:
        reference: A random text. It travels, signed, in the metadata, and leads back here.
        store: Who sells.
        state: What is known of it.
        user: Whom it was opened for. Empty: a guest, or a user who was deleted.
        purpose: The word by which handlers are found.
        context: Your own JSON. It never leaves.
        items: The lines that were asked for: ``product_id``, ``variant_id``, ``name``,
            ``quantity``, ``price_minor`` of one piece, ``least_minor`` where the buyer names the
            price, and ``subscription``. A free line has no product.
        currency: Code of three letters: that of the store's account.
        subtotal_minor: What the lines come to, without discount and tax.
        coupon_code: The coupon that it begins with.
        same_key: A hash of the call; equal calls get the same session while it is open.
        checkout_url: Where to send the buyer.
        pay_url: The page that shows the whole checkout.
        return_url: Where the buyer comes back to.
        cancel_url: Where the buyer goes who leaves without paying.
        created_at: When it was written down, before Pandabase was asked.
        opened_at: When Pandabase had opened it.
        expires_at: When it can't be paid any more.
        refusal: Pandabase's words, or ours.
    """

    class State(models.TextChoices):
        PREPARED = "PREPARED", _("Being opened")
        OPEN = "OPEN", _("Open")
        UNKNOWN = "UNKNOWN", _("Answer lost")
        REFUSED = "REFUSED", _("Refused")
        EXPIRED = "EXPIRED", _("Expired")
        PROCESSING = "PROCESSING", _("Payment is processed")
        PAID = "PAID", _("Paid")
        FAILED = "FAILED", _("Payment failed")
        MISMATCH = "MISMATCH", _("Something else was paid")
        REVERSED = "REVERSED", _("Refunded or charged back")

    reference: Column[str] = models.CharField(
        _("reference"), primary_key=True, max_length=32, default=new_reference, editable=False
    )
    public_id: Column[str] = models.CharField(
        _("public id"),
        max_length=32,
        unique=True,
        default=new_reference,
        editable=False,
        help_text=_("In addresses of the shop; the reference never leaves."),
    )
    store: Relation[Store] = models.ForeignKey(
        Store,
        on_delete=models.PROTECT,
        related_name="checkout_sessions",
        verbose_name=_("store"),
        db_index=False,
    )
    session_id: Column[str] = models.CharField(
        _("session id"), max_length=128, default="", help_text=_("Pandabase's; empty: not known.")
    )
    state: Column[str] = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.PREPARED
    )
    user: Relation[Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="pandabase_checkouts",
        verbose_name=_("user"),
    )
    had_user: Column[bool] = models.BooleanField(
        _("opened for a user"), db_default=False, help_text=_("Stays when the user is deleted.")
    )
    purpose: Column[str] = models.CharField(_("purpose"), max_length=100, default="")
    context: Column[Any] = models.JSONField(_("context"), default=dict)
    items: Column[Any] = models.JSONField(_("items"), default=list)
    currency: Column[str] = models.CharField(_("currency"), max_length=16, default="")
    subtotal_minor: Column[int] = models.BigIntegerField(_("subtotal"), default=0)
    coupon_code: Column[str] = models.CharField(_("coupon code"), max_length=64, default="")
    discount_limit_minor: Column[int | None] = models.BigIntegerField(
        _("largest discount"), null=True, help_text=_("Empty: that of any coupon of the store.")
    )
    same_key: Column[str] = models.CharField(max_length=64, default="", editable=False)
    checkout_url: Column[str] = models.TextField(_("address to pay at"), default="")
    pay_url: Column[str] = models.TextField(_("address of the full page"), default="")
    return_url: Column[str] = models.TextField(_("return address"), default="")
    cancel_url: Column[str] = models.TextField(_("address after leaving"), default="")
    created_at: Column[datetime] = models.DateTimeField(_("created"), auto_now_add=True)
    opened_at: Column[datetime | None] = models.DateTimeField(_("opened"), null=True)
    expires_at: Column[datetime | None] = models.DateTimeField(_("expires"), null=True)
    refusal: Column[str] = models.TextField(_("why it was not opened"), default="")

    objects: ClassVar[WriterManager[CheckoutSession]] = WriterManager()

    if TYPE_CHECKING:
        store_id: str
        user_id: Any
        purchases: WriterQuerySet[Purchase]

    class Meta:
        verbose_name: ClassVar[Words] = _("checkout session")
        verbose_name_plural: ClassVar[Words] = _("checkout sessions")
        ordering: ClassVar[Sequence[str]] = ["-created_at", "-reference"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["store", "session_id"],
                condition=~Q(session_id=""),
                name="pandabase_checkout_session_id",
            ),
            # Of two equal calls at one moment one opens the session, and the other waits for it.
            models.UniqueConstraint(
                fields=["store", "same_key"],
                condition=Q(state__in=["PREPARED", "OPEN"]) & ~Q(same_key=""),
                name="pandabase_checkout_same",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-created_at", "-reference"], name="pandabase_checkout_newest"),
            models.Index(
                fields=["state", "-created_at", "-reference"], name="pandabase_checkout_state"
            ),
            models.Index(
                fields=["store", "-created_at", "-reference"], name="pandabase_checkout_of_store"
            ),
            models.Index(
                fields=["purpose", "-created_at", "-reference"], name="pandabase_checkout_purpose"
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(state__in=["PREPARED", "OPEN"]),
                name="pandabase_checkout_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.session_id or self.reference

    @property
    def has_subscription(self) -> bool:
        """Whether it sells a subscription, which is paid for again and again."""
        return any(item.get("subscription") for item in self.items)
