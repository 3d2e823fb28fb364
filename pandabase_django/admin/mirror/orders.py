"""Orders with their line items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.actions.orders import ORDER_ACTIONS
from pandabase_django.admin.actions.pages import ActionsMixin
from pandabase_django.admin.base.display import EMPTY, badge, money, with_store
from pandabase_django.admin.base.filters import DetailsDueFilter, OrderStatusFilter, StoreFilter
from pandabase_django.admin.base.links import link
from pandabase_django.admin.mirror.order_money import moves_of
from pandabase_django.admin.mirror.order_purchase import purchases_of
from pandabase_django.admin.mirror.page import REFRESH, MirrorAdmin
from pandabase_django.models import Customer, MirrorRow, Order, OrderItem
from pandabase_django.texts.amounts import major_units

__all__ = ["ORDER_TONES", "OrderAdmin"]

ORDER_TONES = {
    "COMPLETED": "good",
    "PENDING": "busy",
    "PROCESSING": "busy",
    "REFUNDED": "warn",
    "FAILED": "bad",
    "CHARGEBACK": "bad",
}
MOST_CUSTOMERS = 100  # that one searched e-mail address may bring


@dataclass(frozen=True, slots=True)
class ShownItem:
    """A line item in the table of its order."""

    name: str
    quantity: int | str
    price: str
    product: str
    gone: str


@admin.register(Order)
class OrderAdmin(ActionsMixin, MirrorAdmin):
    """Orders."""

    list_display = ("number", "amount", "state", "created_at")
    list_filter = (OrderStatusFilter, "created_at", DetailsDueFilter, StoreFilter)
    linked_by = ("customer__id__exact",)
    sortable_by = ("created_at",)  # what no index sorts would sort the whole table
    search_help_text = _("Beginning of an id or order number, or a whole e-mail address.")
    search_fields = ("id__startswith", "order_number__startswith")
    above = (
        "admin/pandabase/order_items.html",
        "admin/pandabase/order_purchase.html",
        "admin/pandabase/order_money.html",
        "admin/pandabase/actions/asked.html",
    )
    action_pages = ORDER_ACTIONS
    buttons = (REFRESH,)
    export_columns = (
        "id",
        ("store", lambda row: row.store_id),
        "order_number",
        "status",
        ("amount", lambda row: major_units(row.amount_minor, row.currency)),
        "currency",
        "payment_status",
        "payment_method",
        "discount_code",
        ("customer", lambda row: row.customer_id),
        ("email", lambda row: row.customer.email if row.customer else ""),
        "billing_country",
        "created_at",
        "updated_at",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("remote_id", "order_number"),
                    ("state", "store_link"),
                    ("amount", "discount_code"),
                    "customer_link",
                    ("created_at", "updated_at"),
                )
            },
        ),
        (
            _("Payment"),
            {
                "fields": (
                    ("payment_id", "payment_status"),
                    ("payment_method", "card"),
                    ("total", "settled"),
                    ("tax", "discount"),
                    ("platform_fee", "psp_fee"),
                    ("presentment", "exchange_rate"),
                )
            },
        ),
        (_("Billing address"), {"fields": ("address",)}),
        (
            _("This copy"),
            {
                "fields": (
                    ("first_seen_at", "synced_at"),
                    ("detailed_at", "details_read"),
                    "payload_as_received",
                )
            },
        ),
    )

    def has_refund_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether an order may be refunded."""
        return self._granted(request, "pandabase.refund_order", obj)

    def has_retry_fulfilment_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the fulfilment of an order may be retried."""
        return self._granted(request, "pandabase.retry_fulfilment_order", obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        # By themselves: for a join PostgreSQL would read all customers, rare statuses given.
        return super().get_queryset(request).prefetch_related("customer")

    def search_condition(self, term: str) -> Q:
        found = super().search_condition(term)
        if "@" in term:
            customers = Customer.objects.filter(email__in={term, term.lower()})
            # With their stores: an order that names another store's customer is not that one's.
            for pk, store in customers.values_list("pk", "store_id")[:MOST_CUSTOMERS]:
                found |= Q(customer=pk, store=store)
        return found

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        # An item may name a product that was deleted years ago: then its id is all there is.
        items = obj.items.select_related("product").order_by("position", "pk")
        return {
            **super().panel_context(request, obj),
            "order_purchases": purchases_of(self.admin_site, request, obj),
            "moves": moves_of(self.admin_site, request, obj),
            "items": [
                ShownItem(
                    name=item.name or item.pk,
                    quantity=EMPTY if item.quantity is None else item.quantity,
                    price=money(item.price_minor, item.currency),
                    product=link(self.admin_site, item.product, item.product.pk)
                    if item.product
                    else item.product_id or EMPTY,
                    gone=badge(gettext("Gone"), tone="warn") if item.gone_at else "",
                )
                for item in items
            ],
        }

    def children_of(self, row: Any) -> Sequence[MirrorRow]:
        return list(OrderItem.objects.filter(order=row).only("id", "order_id"))

    @admin.display(description=_("order"), ordering="created_at")
    def number(self, row: Order) -> str:
        customer = row.customer.email if row.customer else row.customer_id
        return with_store(row, row.order_number or row.pk, customer)

    @admin.display(description=_("status"))
    def state(self, row: Order) -> str:
        return badge(row.status, tone=ORDER_TONES.get(row.status, "quiet"))

    @admin.display(description=_("line items read"), boolean=True)
    def details_read(self, row: Order) -> bool:
        return not row.dirty

    @admin.display(description=_("customer"))
    def customer_link(self, row: Order) -> str:
        if row.customer is None:
            return row.customer_id or EMPTY
        return link(self.admin_site, row.customer)

    @admin.display(description=_("amount"))
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

    @admin.display(description=_("card"))
    def card(self, row: Order) -> str:
        if not row.card_last_four:
            return row.card_brand or EMPTY
        return f"{row.card_brand} ••••{row.card_last_four}".strip()

    @admin.display(description=_("address"))
    def address(self, row: Order) -> str:
        place = " ".join(filter(None, (row.billing_postal_code, row.billing_city)))
        lines = (
            row.billing_line1,
            row.billing_line2,
            place,
            row.billing_state,
            row.billing_country,
        )
        return ", ".join(filter(None, lines)) or EMPTY
