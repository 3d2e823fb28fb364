"""Checkout sessions that the shop opened.

Anybody can open a checkout and pay it (Source: P-36, P-38). So what was sold to whom is what these
rows say, which were written before the remote was asked.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import PandabaseModel, WriterManager
from pandabase_django.models.stores import Store

__all__ = ["CheckoutSession", "new_reference"]


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

    reference = models.CharField(
        _("reference"), primary_key=True, max_length=32, default=new_reference, editable=False
    )
    public_id = models.CharField(
        _("public id"),
        max_length=32,
        unique=True,
        default=new_reference,
        editable=False,
        help_text=_("In addresses of the shop; the reference never leaves."),
    )
    store = models.ForeignKey(
        Store,
        on_delete=models.PROTECT,
        related_name="checkout_sessions",
        verbose_name=_("store"),
        db_index=False,
    )
    session_id = models.CharField(
        _("session id"), max_length=128, default="", help_text=_("Pandabase's; empty: not known.")
    )
    state = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.PREPARED
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="pandabase_checkouts",
        verbose_name=_("user"),
    )
    had_user = models.BooleanField(
        _("opened for a user"), db_default=False, help_text=_("Stays when the user is deleted.")
    )
    purpose = models.CharField(_("purpose"), max_length=100, default="")
    context = models.JSONField(_("context"), default=dict)
    items = models.JSONField(_("items"), default=list)
    currency = models.CharField(_("currency"), max_length=16, default="")
    subtotal_minor = models.BigIntegerField(_("subtotal"), default=0)
    coupon_code = models.CharField(_("coupon code"), max_length=64, default="")
    discount_limit_minor = models.BigIntegerField(
        _("largest discount"), null=True, help_text=_("Empty: that of any coupon of the store.")
    )
    same_key = models.CharField(max_length=64, default="", editable=False)
    checkout_url = models.TextField(_("address to pay at"), default="")
    pay_url = models.TextField(_("address of the full page"), default="")
    return_url = models.TextField(_("return address"), default="")
    cancel_url = models.TextField(_("address after leaving"), default="")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    opened_at = models.DateTimeField(_("opened"), null=True)
    expires_at = models.DateTimeField(_("expires"), null=True)
    refusal = models.TextField(_("why it was not opened"), default="")

    objects = WriterManager()

    class Meta:
        verbose_name = _("checkout session")
        verbose_name_plural = _("checkout sessions")
        ordering = ["-created_at", "-reference"]
        constraints = [
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
        indexes = [
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
