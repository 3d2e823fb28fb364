"""Orders with their line items, and customers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, quote
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.display import EMPTY, badge, money
from pandabase_django.admin.mirror import MirrorAdmin, MirrorInline
from pandabase_django.models import Customer, Order, OrderItem

__all__ = ["CustomerAdmin", "OrderAdmin"]

TONES = {
    "COMPLETED": "good",
    "FAILED": "bad",
    "CHARGEBACK": "bad",
    "REFUNDED": "bad",
}


class ItemInline(MirrorInline):
    """Line items of an order."""

    model = OrderItem
    fields = readonly_fields = (
        "position",
        "name",
        "quantity",
        "price",
        "product_link",
        "variant_id",
        "gone_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderItem]:
        # An item may name a product that was deleted years ago: the join gives None then.
        return super().get_queryset(request).select_related("product")

    @admin.display(description=_("price"))
    def price(self, row: OrderItem) -> str:
        return money(row.price_minor, row.currency)

    @admin.display(description=_("product"))
    def product_link(self, row: OrderItem) -> str:
        if row.product is None:
            return row.product_id or EMPTY
        url = reverse("admin:pandabase_product_change", args=[quote(row.product.pk)])
        return format_html('<a href="{}">{}</a>', url, row.product.pk)


@admin.register(Order)
class OrderAdmin(MirrorAdmin):
    """Orders. Lists don't count all rows: a million of them would take seconds each time."""

    list_display = (
        "order_number",
        "id",
        "state",
        "amount",
        "customer_email",
        "created_at",
        "details_read",
    )
    list_filter = ("status", "dirty")
    search_fields = ("id", "order_number", "customer__email")
    list_select_related = ("customer",)
    inlines = (ItemInline,)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "id",
                    "store_id",
                    "order_number",
                    "state",
                    "amount",
                    "discount_code",
                    "customer_link",
                    "created_at",
                    "updated_at",
                )
            },
        ),
        (
            _("Payment"),
            {
                "fields": (
                    "payment_id",
                    "payment_status",
                    "payment_method",
                    "card_brand",
                    "card_last_four",
                    "total",
                    "tax",
                    "discount",
                    "platform_fee",
                    "psp_fee",
                    "settled",
                    "presentment",
                    "exchange_rate",
                )
            },
        ),
        (
            _("Billing address"),
            {
                "fields": (
                    "billing_line1",
                    "billing_line2",
                    "billing_city",
                    "billing_state",
                    "billing_postal_code",
                    "billing_country",
                )
            },
        ),
        (
            _("Copy"),
            {
                "fields": (
                    "first_seen_at",
                    "synced_at",
                    "detailed_at",
                    "dirty",
                    "payload_as_received",
                )
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> Any:
        return flatten_fieldsets(self.fieldsets)

    @admin.display(description=_("status"), ordering="status")
    def state(self, row: Order) -> str:
        return badge(row.status, tone=TONES.get(row.status, "quiet"))

    @admin.display(description=_("details"), boolean=True)
    def details_read(self, row: Order) -> bool:
        return not row.dirty

    @admin.display(description=_("customer"))
    def customer_email(self, row: Order) -> str:
        return row.customer.email if row.customer else row.customer_id or EMPTY

    @admin.display(description=_("customer"))
    def customer_link(self, row: Order) -> str:
        customer = Customer.objects.filter(pk=row.customer_id).first()
        if customer is None:
            return row.customer_id or EMPTY
        url = reverse("admin:pandabase_customer_change", args=[quote(customer.pk)])
        return format_html('<a href="{}">{}</a>', url, customer)

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount(self, row: Order) -> str:
        return money(row.amount_minor, row.currency)

    @admin.display(description=_("total paid"))
    def total(self, row: Order) -> str:
        return money(row.total_minor, row.currency)

    @admin.display(description=_("tax"))
    def tax(self, row: Order) -> str:
        return money(row.tax_minor, row.currency)

    @admin.display(description=_("discount"))
    def discount(self, row: Order) -> str:
        return money(row.discount_minor, row.currency)

    @admin.display(description=_("platform fee"))
    def platform_fee(self, row: Order) -> str:
        return money(row.platform_fee_minor, row.currency)

    @admin.display(description=_("PSP fee"))
    def psp_fee(self, row: Order) -> str:
        return money(row.psp_fee_minor, row.currency)

    @admin.display(description=_("settled"))
    def settled(self, row: Order) -> str:
        return money(row.settled_minor, row.currency)

    @admin.display(description=_("shown to the customer"))
    def presentment(self, row: Order) -> str:
        return money(row.presentment_minor, row.presentment_currency)


@admin.register(Customer)
class CustomerAdmin(MirrorAdmin):
    """Customers as orders name them."""

    list_display = ("email", "id", "synced_at")
    search_fields = ("id", "email")
    fields = readonly_fields = (
        "id",
        "store_id",
        "email",
        "orders_link",
        "first_seen_at",
        "synced_at",
    )

    @admin.display(description=_("orders"))
    def orders_link(self, row: Customer) -> str:
        url = reverse("admin:pandabase_order_changelist")
        return format_html('<a href="{}?q={}">{}</a>', url, row.email or row.pk, _("Show"))
