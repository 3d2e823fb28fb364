"""Orders with their line items, and the customers they name.

An order has two remote forms (Source: P-21). ``list_digest`` belongs to the list form and only
tells that something changed; every column, ``payload`` and ``digest`` belong to the detail form
as soon as it has been read once (``detailed_at``).
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.catalog import Product, ProductVariant
from pandabase_django.models.mirror import MirrorRow, mirror_constraint

__all__ = ["Customer", "Order", "OrderItem"]


class Customer(MirrorRow):
    """A customer as the newest order names it; the remote's own list is not mirrored."""

    email = models.TextField(_("e-mail"), default="", db_index=True)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        ordering = ["id"]
        constraints = [mirror_constraint("customer")]

    def __str__(self) -> str:
        return self.email or self.id


class Order(MirrorRow):
    """An order with its payment and billing address as columns. Amounts are minor units."""

    order_number = models.TextField(_("order number"), default="", db_index=True)
    status = models.TextField(_("status"), default="")
    amount_minor = models.BigIntegerField(_("amount"), null=True)
    currency = models.TextField(_("currency"), default="")
    discount_code = models.TextField(_("discount code"), default="")
    customer = models.ForeignKey(
        Customer,
        null=True,
        db_constraint=False,
        on_delete=models.DO_NOTHING,
        related_name="orders",
        verbose_name=_("customer"),
        db_index=False,
    )
    created_at = models.DateTimeField(_("created"), null=True)
    updated_at = models.DateTimeField(_("updated"), null=True)

    payment_id = models.TextField(_("payment id"), default="")
    payment_status = models.TextField(_("payment status"), default="")
    payment_method = models.TextField(_("payment method"), default="")
    card_brand = models.TextField(_("card brand"), default="")
    card_last_four = models.TextField(_("card ends in"), default="")
    total_minor = models.BigIntegerField(_("total paid"), null=True)
    tax_minor = models.BigIntegerField(_("tax"), null=True)
    discount_minor = models.BigIntegerField(_("discount"), null=True)
    platform_fee_minor = models.BigIntegerField(_("platform fee"), null=True)
    psp_fee_minor = models.BigIntegerField(_("PSP fee"), null=True)
    settled_minor = models.BigIntegerField(_("settled"), null=True)
    presentment_currency = models.TextField(_("presentment currency"), default="")
    presentment_minor = models.BigIntegerField(_("presentment amount"), null=True)
    exchange_rate = models.TextField(_("exchange rate"), default="")

    billing_line1 = models.TextField(_("address line 1"), default="")
    billing_line2 = models.TextField(_("address line 2"), default="")
    billing_city = models.TextField(_("city"), default="")
    billing_state = models.TextField(_("state"), default="")
    billing_postal_code = models.TextField(_("postal code"), default="")
    billing_country = models.TextField(_("country"), default="")

    list_digest = models.CharField(max_length=64, default="", editable=False)
    detailed_at = models.DateTimeField(
        _("details read"), null=True, editable=False, help_text=_("Empty: line items not yet read.")
    )
    dirty = models.BooleanField(
        _("details due"), default=True, help_text=_("The details must be read (again).")
    )
    # Only ever grows; clearing compares it, so a mark made while reading is never lost.
    dirty_mark = models.BigIntegerField(default=1, editable=False)
    # When the details that are due could not be read; such an order waits until others were.
    unread_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-created_at", "-id"]
        constraints = [mirror_constraint("order")]
        indexes = [
            models.Index(fields=["store", "created_at", "id"], name="pandabase_order_created"),
            models.Index(
                fields=["store", "status", "-created_at", "-id"], name="pandabase_order_by_status"
            ),
            models.Index(
                fields=["store", "id"], condition=Q(dirty=True), name="pandabase_order_dirty"
            ),
            models.Index(fields=["-created_at", "-id"], name="pandabase_order_newest"),
            models.Index(fields=["customer"], name="pandabase_order_customer"),
            # Few rows: so that live ones are counted by two small indexes and no table scan.
            models.Index(
                fields=["store", "status"],
                condition=Q(gone_at__isnull=False),
                name="pandabase_order_gone",
            ),
        ]

    def __str__(self) -> str:
        return self.order_number or self.id


class OrderItem(MirrorRow):
    """A line of an order. ``product_id`` and ``variant_id`` may name rows that are not here."""

    order = models.ForeignKey(
        Order,
        null=True,
        db_constraint=False,
        on_delete=models.DO_NOTHING,
        related_name="items",
        verbose_name=_("order"),
        db_index=False,
    )
    position = models.PositiveIntegerField(_("position"), default=0)
    product = models.ForeignKey(
        Product,
        null=True,
        db_constraint=False,
        on_delete=models.DO_NOTHING,
        related_name="order_items",
        verbose_name=_("product"),
        db_index=False,
    )
    variant = models.ForeignKey(
        ProductVariant,
        null=True,
        db_constraint=False,
        on_delete=models.DO_NOTHING,
        related_name="order_items",
        verbose_name=_("variant"),
        db_index=False,
    )
    name = models.TextField(_("name"), default="")
    quantity = models.BigIntegerField(_("quantity"), null=True)
    price_minor = models.BigIntegerField(_("price"), null=True)
    currency = models.TextField(_("currency"), default="")

    class Meta:
        verbose_name = _("order item")
        verbose_name_plural = _("order items")
        ordering = ["order_id", "position"]
        constraints = [mirror_constraint("orderitem")]
        indexes = [
            models.Index(fields=["order"], name="pandabase_item_order"),
            models.Index(fields=["product"], name="pandabase_item_product"),
            models.Index(fields=["variant"], name="pandabase_item_variant"),
        ]

    def __str__(self) -> str:
        return self.name or self.id
