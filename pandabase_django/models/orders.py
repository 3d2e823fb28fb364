"""Orders with their line items, and the customers they name.

An order has two remote forms (Source: P-21). ``list_digest`` belongs to the list form and only
shows that something changed: a pair of digests (``api.digests``). Every column, ``payload`` and
``digest`` belong to the detail form as soon as it has been read once (``detailed_at``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from pandabase_django.models.base import Column, Relation, Words, WriterQuerySet, manager_of
from pandabase_django.models.base.mirror import (
    TO_BE_READ_AGAIN,
    MirrorQuerySet,
    MirrorRow,
    mirror_constraint,
    text_map,
)
from pandabase_django.models.base.soft import SoftForeignKey
from pandabase_django.models.catalog import Product, ProductVariant
from pandabase_django.printable import printable

if TYPE_CHECKING:
    from typing_extensions import Self

    from pandabase_django.models.access.licenses import LicenseQuerySet
    from pandabase_django.models.access.links import CustomerLinkQuerySet
    from pandabase_django.models.access.subscriptions import SubscriptionQuerySet
    from pandabase_django.models.checkout.purchases import Purchase
    from pandabase_django.models.checkout.sessions import CheckoutSession
    from pandabase_django.models.money import DisputeQuerySet, RefundQuerySet

__all__ = ["BELONGS", "Customer", "Order", "OrderItem", "OrderQuerySet"]

BELONGS = ("MATCHED", "ACCEPTED")
"""Verdicts of a purchase that make an order its session's, and its user's."""


class CustomerQuerySet(MirrorQuerySet["Customer"]):
    """Customers; see ``live``."""


class Customer(MirrorRow):
    """A customer: somebody whom an order names, or whom the list of customers shows.

    ``email`` is what the newest order says that names them, and what the list says where none
    does. Everything else is of the list, with ``payload`` and ``digest``, and is empty until that
    was read.

    Attributes:
        email: Where receipts go. It proves nothing of who the customer is.
        first_name: As the customer gave it.
        last_name: As the customer gave it.
        total_spent_minor: What all orders came to, as Pandabase counts.
        order_count: How many orders there are, as Pandabase counts.
        created_at: When the customer came to Pandabase.
        absences: Clean passes in a row that did not list the customer.
    """

    email: Column[str] = models.TextField(_("e-mail"), default="", db_index=True)
    first_name: Column[str] = models.TextField(_("first name"), default="")
    last_name: Column[str] = models.TextField(_("last name"), default="")
    is_guest: Column[bool | None] = models.BooleanField(
        _("guest"), null=True, help_text=_("Bought without an account.")
    )
    total_spent_minor: Column[int | None] = models.BigIntegerField(_("total spent"), null=True)
    order_count: Column[int | None] = models.BigIntegerField(_("number of orders"), null=True)
    created_at: Column[datetime | None] = models.DateTimeField(_("created"), null=True)
    absences: Column[int] = models.PositiveSmallIntegerField(default=0, editable=False)

    objects: ClassVar[CustomerQuerySet] = manager_of(CustomerQuerySet)

    if TYPE_CHECKING:
        orders: OrderQuerySet
        licenses: LicenseQuerySet
        links: CustomerLinkQuerySet
        subscriptions: SubscriptionQuerySet

    class Meta:
        verbose_name: ClassVar[Words] = _("customer")
        verbose_name_plural: ClassVar[Words] = _("customers")
        ordering: ClassVar[Sequence[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [mirror_constraint("customer")]

    def __str__(self) -> str:
        return printable(self.email) or self.id


class OrderQuerySet(MirrorQuerySet["Order"]):
    """Orders; see also ``live``."""

    def paid(self) -> Self:
        """Live and COMPLETED: the money is here and was not given or taken back.

        So none that is REFUNDED, or a CHARGEBACK (one that is won is COMPLETED again), and none
        that is still PENDING or PROCESSING. Source: P-27.
        """
        return self.live().filter(status="COMPLETED")

    def for_user(self, user: Any) -> Self:
        """Orders that paid for a checkout which was opened for this user, in whatever state.

        With ``paid()``, what the user has bought and not given back. None of them is found by its
        e-mail address, which proves nothing (Source: P-38).
        """
        if user is None or user.pk is None:
            return self.none()
        return self.filter(purchases__user=user, purchases__verdict__in=BELONGS)

    def with_purchases(self) -> Self:
        """Read what ``session`` and ``user`` need, in few queries for all rows."""
        return self.prefetch_related("purchases__session", "purchases__user")

    def read_again(self) -> int:
        """Have these orders written again when their details, which are due now, were read."""
        mark = F("dirty_mark") + 1
        return self.update(digest=TO_BE_READ_AGAIN, dirty=True, dirty_mark=mark)


class Order(MirrorRow):
    """An order with its payment and billing address as columns. Amounts are minor units.

    Attributes:
        order_number: Assumed to be the id of the checkout session that it was paid through (Source:
            P-40).
        status: PENDING, PROCESSING, COMPLETED, FAILED, CANCELLED, REFUNDED or CHARGEBACK (Source:
            P-27).
        amount_minor: What it costs, as the list of orders says; tax may come on top.
        currency: Code of three letters: that of the store's account.
        discount_code: The coupon that was used.
        customer: Who bought.
        created_at: When it was made at Pandabase.
        updated_at: When it was changed there last; only details say so.
        payment_id: What entries of the ledger name.
        payment_status: As the payment's provider says it.
        payment_method: Such as a card.
        card_brand: Such as visa; empty for other methods.
        card_last_four: The last digits; empty for other methods.
        total_minor: What the buyer paid, with the tax and less the discount.
        tax_minor: The tax in the total.
        discount_minor: What a coupon took off.
        platform_fee_minor: What Pandabase keeps.
        psp_fee_minor: What the payment's provider keeps.
        settled_minor: The total less both fees: what comes to the store's balance.
        presentment_currency: The currency that the buyer saw and paid in.
        presentment_minor: What the buyer paid in that currency, in its minor units.
        exchange_rate: From one currency to the other, as a decimal text.
        billing_line1: First line of the billing address.
        billing_line2: Its second line.
        billing_city: City of the billing address.
        billing_state: State or region of the billing address.
        billing_postal_code: Postal code of the billing address.
        billing_country: Country of the billing address, as a code of two letters.
        list_digest: Two hashes of the form in the list: of its values, and of its bytes.
        dirty_mark: Grows each time the details become due.
        list_row: The newest form in the list that differed, until no replica can answer from before
            it.
        due_cause: What else made the details due: a refund, a dispute or an event.
        due_since: Since when they are due without a break.
        unread_at: When they could not be read; such an order waits until others were.
    """

    BOOKKEEPING: ClassVar[frozenset[str]] = MirrorRow.BOOKKEEPING | {
        "detailed_at",
        "dirty",
        "dirty_mark",
        "due_cause",
        "due_since",
        "list_digest",
        "list_row",
        "unread_at",
    }

    order_number: Column[str] = models.TextField(_("order number"), default="", db_index=True)
    status: Column[str] = models.TextField(_("status"), default="")
    amount_minor: Column[int | None] = models.BigIntegerField(_("amount"), null=True)
    currency: Column[str] = models.TextField(_("currency"), default="")
    discount_code: Column[str] = models.TextField(_("discount code"), default="")
    customer: Relation[Customer | None] = SoftForeignKey(
        Customer,
        null=True,
        related_name="orders",
        verbose_name=_("customer"),
    )
    created_at: Column[datetime | None] = models.DateTimeField(_("created"), null=True)
    updated_at: Column[datetime | None] = models.DateTimeField(_("updated"), null=True)

    payment_id: Column[str] = models.TextField(_("payment id"), default="")
    payment_status: Column[str] = models.TextField(_("payment status"), default="")
    payment_method: Column[str] = models.TextField(_("payment method"), default="")
    card_brand: Column[str] = models.TextField(_("card brand"), default="")
    card_last_four: Column[str] = models.TextField(_("card ends in"), default="")
    total_minor: Column[int | None] = models.BigIntegerField(_("total paid"), null=True)
    tax_minor: Column[int | None] = models.BigIntegerField(_("tax"), null=True)
    discount_minor: Column[int | None] = models.BigIntegerField(_("discount"), null=True)
    platform_fee_minor: Column[int | None] = models.BigIntegerField(_("platform fee"), null=True)
    psp_fee_minor: Column[int | None] = models.BigIntegerField(_("PSP fee"), null=True)
    settled_minor: Column[int | None] = models.BigIntegerField(_("settled"), null=True)
    presentment_currency: Column[str] = models.TextField(_("presentment currency"), default="")
    presentment_minor: Column[int | None] = models.BigIntegerField(
        _("presentment amount"), null=True
    )
    exchange_rate: Column[str] = models.TextField(_("exchange rate"), default="")

    billing_line1: Column[str] = models.TextField(_("address line 1"), default="")
    billing_line2: Column[str] = models.TextField(_("address line 2"), default="")
    billing_city: Column[str] = models.TextField(_("city"), default="")
    billing_state: Column[str] = models.TextField(_("state"), default="")
    billing_postal_code: Column[str] = models.TextField(_("postal code"), default="")
    billing_country: Column[str] = models.TextField(_("country"), default="")

    list_digest: Column[str] = models.CharField(max_length=64, default="", editable=False)
    detailed_at: Column[datetime | None] = models.DateTimeField(
        _("details read"), null=True, editable=False, help_text=_("Empty: line items not yet read.")
    )
    dirty: Column[bool] = models.BooleanField(
        _("details due"), default=True, help_text=_("The details must be read (again).")
    )
    # Only ever grows; clearing compares it, so a mark made while reading is never lost.
    dirty_mark: Column[int] = models.BigIntegerField(default=1, editable=False)
    list_row: Column[Any] = models.JSONField(null=True, editable=False)
    due_cause: Column[Any] = models.JSONField(null=True, editable=False)
    due_since: Column[datetime | None] = models.DateTimeField(null=True, editable=False)
    unread_at: Column[datetime | None] = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[OrderQuerySet] = manager_of(OrderQuerySet)

    if TYPE_CHECKING:
        customer_id: str | None
        items: OrderItemQuerySet
        licenses: LicenseQuerySet
        purchases: WriterQuerySet[Purchase]
        refunds: RefundQuerySet
        disputes: DisputeQuerySet

    class Meta:
        verbose_name: ClassVar[Words] = _("order")
        verbose_name_plural: ClassVar[Words] = _("orders")
        ordering: ClassVar[Sequence[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [mirror_constraint("order")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["store", "created_at", "id"], name="pandabase_order_created"),
            models.Index(
                fields=["store", "status", "-created_at", "-id"], name="pandabase_order_by_status"
            ),
            models.Index(
                fields=["store", "id"], condition=Q(dirty=True), name="pandabase_order_dirty"
            ),
            models.Index(
                fields=["store", "detailed_at", "id"],
                condition=Q(dirty=False, gone_at__isnull=True),
                name="pandabase_order_oldest",
            ),
            models.Index(fields=["-created_at", "-id"], name="pandabase_order_newest"),
            models.Index(fields=["customer"], name="pandabase_order_customer"),
            # Entries of the ledger name payments. Empty until the details were read.
            models.Index(
                fields=["payment_id"],
                condition=~Q(payment_id=""),
                name="pandabase_order_payment",
            ),
            # Few rows: so that live ones are counted by two small indexes and no table scan.
            models.Index(
                fields=["store", "status"],
                condition=Q(gone_at__isnull=False),
                name="pandabase_order_gone",
            ),
        ]

    def __str__(self) -> str:
        return printable(self.order_number) or self.id

    @property
    def metadata(self) -> dict[str, str]:
        """What the checkout was opened with; {} until the details were read.

        It proves nothing: anybody can open a checkout with any metadata and pay it.
        """
        return text_map(self.payload.get("metadata"))

    @property
    def purchase(self) -> Purchase | None:
        """What links it to a checkout session that it paid for; None where there is none.

        A query for each order, unless they were read by ``with_purchases()``.
        """
        if self.pk is None:
            return None
        return next((found for found in self.purchases.all() if found.belongs), None)

    @property
    def session(self) -> CheckoutSession | None:
        """The checkout session that it paid for, opened by the shop; None where there is none."""
        purchase = self.purchase
        return purchase.session if purchase else None

    @property
    def user(self) -> Any:
        """The shop's user that it was opened for; None for a guest, or where there is none."""
        purchase = self.purchase
        return purchase.user if purchase else None

    @property
    def custom_fields(self) -> dict[str, str]:
        """What the customer typed into the checkout; {} until the details were read."""
        return text_map(self.payload.get("customFields"))


class OrderItemQuerySet(MirrorQuerySet["OrderItem"]):
    """Lines of orders; see ``live``."""


class OrderItem(MirrorRow):
    """A line of an order. ``product_id`` and ``variant_id`` may name rows that are not here.

    Attributes:
        order: The order of which it is a line.
        position: Its place there, from 0 on.
        product: What was bought; empty for a free line.
        variant: Which form of it; empty where there are none.
        name: What it was called when it was bought.
        quantity: How many pieces.
        price_minor: What one piece cost.
        currency: Code of three letters: that of the order.
    """

    order: Relation[Order | None] = SoftForeignKey(
        Order,
        null=True,
        related_name="items",
        verbose_name=_("order"),
    )
    position: Column[int] = models.PositiveIntegerField(_("position"), default=0)
    product: Relation[Product | None] = SoftForeignKey(
        Product,
        null=True,
        related_name="order_items",
        verbose_name=_("product"),
    )
    variant: Relation[ProductVariant | None] = SoftForeignKey(
        ProductVariant,
        null=True,
        related_name="order_items",
        verbose_name=_("variant"),
    )
    name: Column[str] = models.TextField(_("name"), default="")
    quantity: Column[int | None] = models.BigIntegerField(_("quantity"), null=True)
    price_minor: Column[int | None] = models.BigIntegerField(_("price"), null=True)
    currency: Column[str] = models.TextField(_("currency"), default="")

    objects: ClassVar[OrderItemQuerySet] = manager_of(OrderItemQuerySet)

    if TYPE_CHECKING:
        order_id: str | None
        product_id: str | None
        variant_id: str | None

    class Meta:
        verbose_name: ClassVar[Words] = _("order item")
        verbose_name_plural: ClassVar[Words] = _("order items")
        ordering: ClassVar[Sequence[str]] = ["order_id", "position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [mirror_constraint("orderitem")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["order"], name="pandabase_item_order"),
            models.Index(fields=["product"], name="pandabase_item_product"),
            models.Index(fields=["variant"], name="pandabase_item_variant"),
        ]

    def __str__(self) -> str:
        return printable(self.name) or self.id
