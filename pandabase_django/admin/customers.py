"""Customers as orders name them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.filters import StoreFilter
from pandabase_django.admin.links import admin_url
from pandabase_django.admin.mirror import MirrorAdmin
from pandabase_django.admin.recent import recent_orders
from pandabase_django.models import Customer, Order

__all__ = ["CustomerAdmin"]


@admin.register(Customer)
class CustomerAdmin(MirrorAdmin):
    """Customers."""

    list_display = ("email", "id", "synced_at")
    list_filter = (StoreFilter,)
    sortable_by = ("email", "id")
    search_help_text = _("Beginning of an id or e-mail address.")
    prefix_fields = ("id", "email")
    below = ("admin/pandabase/recent_orders.html",)
    export_columns = (
        ("id", lambda row: row.pk),
        ("store", lambda row: row.store_id),
        ("email", lambda row: row.email),
        ("first_seen_at", lambda row: row.first_seen_at),
    )
    fields = (
        "remote_id",
        "of_store",
        "email",
        "orders_link",
        "first_seen_at",
        "synced_at",
    )

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        orders = Order.objects.filter(customer_id=obj.pk, store=obj.store_id)
        return recent_orders(self.admin_site, request, orders)

    @admin.display(description=_("orders"))
    def orders_link(self, row: Customer) -> str:
        url = admin_url(self.admin_site, "pandabase_order_changelist")
        return format_html('<a href="{}?customer__id__exact={}">{}</a>', url, row.pk, _("Show all"))
