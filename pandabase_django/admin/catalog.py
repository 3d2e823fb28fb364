"""Products with variants, and categories."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.display import EMPTY, badge, major_units, money
from pandabase_django.admin.filters import GoneFilter, StoreFilter
from pandabase_django.admin.links import link
from pandabase_django.admin.mirror import REFRESH, MirrorAdmin, MirrorInline
from pandabase_django.admin.recent import recent_orders
from pandabase_django.models import (
    Category,
    MirrorRow,
    Order,
    OrderItem,
    Product,
    ProductCategory,
    ProductVariant,
)

__all__ = ["CategoryAdmin", "ProductAdmin"]

TONES = {"ACTIVE": "good", "DRAFT": "busy", "ARCHIVED": "quiet"}
PRODUCTS_OF_A_CATEGORY = 20


class VariantInline(MirrorInline):
    """Variants of a product."""

    model = ProductVariant
    fields = readonly_fields = ("position", "id", "title", "price", "in_stock", "gone_at")

    @admin.display(description=_("price"))
    def price(self, row: ProductVariant) -> str:
        return money(row.price_minor, row.currency)


@admin.register(Product)
class ProductAdmin(MirrorAdmin):
    """Products."""

    list_display = ("name", "state", "price", "in_stock", "there", "synced_at")
    list_filter = ("status", "in_stock", GoneFilter, StoreFilter)
    sortable_by = ("name", "price", "synced_at")
    search_help_text = _("Beginning of an id, title or handle.")
    prefix_fields = ("id", "title", "handle")
    inlines = (VariantInline,)
    buttons = (REFRESH,)
    below = ("admin/pandabase/recent_orders.html", "admin/pandabase/last_changes.html")
    export_columns = (
        ("id", lambda row: row.pk),
        ("store", lambda row: row.store_id),
        ("title", lambda row: row.title),
        ("handle", lambda row: row.handle),
        ("status", lambda row: row.status),
        ("type", lambda row: row.product_type),
        ("price", lambda row: major_units(row.price_minor, row.currency)),
        ("currency", lambda row: row.currency),
        ("in_stock", lambda row: row.in_stock),
        ("created_at", lambda row: row.created_at),
        ("updated_at", lambda row: row.updated_at),
        ("gone_at", lambda row: row.gone_at),
    )
    fields = (
        ("remote_id", "handle"),
        "title",
        ("state", "product_type"),
        ("price", "compare_at_price"),
        ("in_stock", "category_names"),
        ("created_at", "updated_at"),
        ("first_seen_at", "synced_at"),
        ("there", "gone_at"),
        "payload_as_received",
    )

    def children_of(self, row: Any) -> list[MirrorRow]:
        return list(ProductVariant.objects.filter(product=row).only("id", "product_id"))

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        items = OrderItem.objects.filter(product_id=obj.pk)
        orders = Order.objects.filter(pk__in=items.values("order_id"))
        return {
            **super().panel_context(request, obj),
            **recent_orders(self.admin_site, request, orders),
        }

    @admin.display(description=_("product"), ordering="title")
    def name(self, row: Product) -> str:
        return format_html(
            '{}<br><span class="pandabase-quiet">{}</span>', row.title or EMPTY, row.pk
        )

    @admin.display(description=_("status"))
    def state(self, row: Product) -> str:
        return badge(row.status, tone=TONES.get(row.status, "quiet"))

    @admin.display(description=_("price"), ordering="price_minor")
    def price(self, row: Product) -> str:
        return money(row.price_minor, row.currency)

    @admin.display(description=_("compare-at price"))
    def compare_at_price(self, row: Product) -> str:
        return money(row.compare_at_price_minor, row.currency)

    @admin.display(description=_("categories"))
    def category_names(self, row: Product) -> str:
        links = ProductCategory.objects.filter(product_id=row.pk).select_related("category")
        # The category may be missing here: then its id is all there is.
        names = (
            (link(self.admin_site, found.category) if found.category else found.category_id,)
            for found in links.order_by("category_id")
        )
        return format_html_join(", ", "{}", names) or EMPTY


@admin.register(Category)
class CategoryAdmin(MirrorAdmin):
    """Categories."""

    list_display = ("name", "id", "slug", "parent_id", "display_order", "there", "synced_at")
    list_filter = ("is_archived", GoneFilter, StoreFilter)
    search_help_text = _("Beginning of an id, name or slug.")
    prefix_fields = ("id", "name", "slug")
    export_columns = (
        ("id", lambda row: row.pk),
        ("store", lambda row: row.store_id),
        ("name", lambda row: row.name),
        ("slug", lambda row: row.slug),
        ("parent", lambda row: row.parent_id),
        ("is_archived", lambda row: row.is_archived),
        ("gone_at", lambda row: row.gone_at),
    )
    fields = (
        ("remote_id", "slug"),
        "name",
        ("parent_link", "display_order"),
        "is_archived",
        "some_products",
        ("created_at", "updated_at"),
        ("first_seen_at", "synced_at"),
        ("there", "gone_at"),
        "payload_as_received",
    )

    @admin.display(description=_("parent"))
    def parent_link(self, row: Category) -> str:
        parent = Category.objects.filter(pk=row.parent_id).first() if row.parent_id else None
        return link(self.admin_site, parent) if parent else row.parent_id or EMPTY

    @admin.display(description=_("products"))
    def some_products(self, row: Category) -> str:
        found = ProductCategory.objects.filter(category_id=row.pk).select_related("product")
        names = (
            (link(self.admin_site, item.product) if item.product else item.product_id,)
            for item in found.order_by("product_id")[:PRODUCTS_OF_A_CATEGORY]
        )
        return format_html_join(", ", "{}", names) or EMPTY
