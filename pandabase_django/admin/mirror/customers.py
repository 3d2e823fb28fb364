"""Customers: those whom orders name, and those of the list of customers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.access.links import LinkPageMixin
from pandabase_django.admin.base.display import EMPTY, money, name_and_id
from pandabase_django.admin.base.filters import GoneFilter, StoreFilter
from pandabase_django.admin.base.links import admin_url, may_link
from pandabase_django.admin.mirror.page import OF_THIS_COPY, MirrorAdmin
from pandabase_django.admin.mirror.recent import recent_orders
from pandabase_django.models import Customer, Order
from pandabase_django.texts.amounts import major_units

__all__ = ["CustomerAdmin"]


@admin.register(Customer)
class CustomerAdmin(LinkPageMixin, MirrorAdmin):
    """Customers."""

    list_display = ("email_and_id", "name", "order_count", "total_spent", "created_at")
    list_filter = (GoneFilter, StoreFilter)
    sortable_by = ("email_and_id",)
    search_help_text = _("Beginning of an id or e-mail address.")
    search_fields = ("id__startswith", "email__startswith")
    below = ("admin/pandabase/access/customer_links.html", "admin/pandabase/recent_orders.html")
    export_columns = (
        "id",
        ("store", lambda row: row.store_id),
        "email",
        "first_name",
        "last_name",
        "is_guest",
        "order_count",
        ("total_spent", lambda row: major_units(row.total_spent_minor, row.store.currency)),
        "created_at",
        "first_seen_at",
    )
    fields = (
        "remote_id",
        "of_store",
        ("email", "name"),
        "is_guest",
        ("order_count", "total_spent"),
        "orders_link",
        "created_at",
        *OF_THIS_COPY,
    )

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        orders = Order.objects.filter(customer_id=obj.pk, store=obj.store_id)
        return {
            **self.links_context(request, obj),
            **recent_orders(self.admin_site, request, orders),
        }

    @admin.display(description=_("customer"), ordering="email")
    def email_and_id(self, row: Customer) -> str:
        return name_and_id(row, row.email)

    @admin.display(description=_("name"))
    def name(self, row: Customer) -> str:
        return f"{row.first_name} {row.last_name}".strip() or EMPTY

    @admin.display(description=_("total spent"))
    def total_spent(self, row: Customer) -> str:
        return money(row.total_spent_minor, row.store.currency)

    @admin.display(description=_("orders"))
    def orders_link(self, row: Customer) -> str:
        if not may_link(self.admin_site, Order):
            return EMPTY
        url = admin_url(self.admin_site, "pandabase_order_changelist")
        query = urlencode({"customer__id__exact": row.pk})
        return format_html('<a href="{}?{}">{}</a>', url, query, _("Show all")) if url else EMPTY
