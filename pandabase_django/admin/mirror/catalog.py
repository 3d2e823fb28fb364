"""Products with variants, and categories."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.display import EMPTY, badge, money, name_and_id, with_quiet
from pandabase_django.admin.base.filters import GoneFilter, StoreFilter
from pandabase_django.admin.base.links import link
from pandabase_django.admin.mirror.page import OF_THIS_COPY, REFRESH, MirrorAdmin, MirrorInline
from pandabase_django.admin.mirror.recent import recent_orders
from pandabase_django.models import (
    Category,
    MirrorRow,
    Order,
    OrderItem,
    Product,
    ProductCategory,
    ProductVariant,
)
from pandabase_django.texts.amounts import major_units

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

    list_display = ("name", "price", "state", "in_stock", "synced_at")
    list_filter = ("status", "in_stock", GoneFilter, StoreFilter)
    sortable_by = ("name", "price", "synced_at")
    search_help_text = _("Beginning of an id, title or handle.")
    search_fields = ("id__startswith", "title__startswith", "handle__startswith")
    inlines = (VariantInline,)
    buttons = (REFRESH,)
    below = ("admin/pandabase/recent_orders.html", "admin/pandabase/last_changes.html")
    export_columns = (
        "id",
        ("store", lambda row: row.store_id),
        "title",
        "handle",
        "status",
        ("type", lambda row: row.product_type),
        ("price", lambda row: major_units(row.price_minor, row.currency)),
        "currency",
        "in_stock",
        "created_at",
        "updated_at",
        "gone_at",
    )
    fields = (
        ("remote_id", "handle"),
        "title",
        ("state", "product_type"),
        ("price", "compare_at_price"),
        ("in_stock", "category_names"),
        ("created_at", "updated_at"),
        *OF_THIS_COPY,
    )

    def children_of(self, row: Any) -> list[MirrorRow]:
        return list(ProductVariant.objects.filter(product=row).only("id", "product_id"))

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """No empty table for a product without variants."""
        return self.inlines if obj is None or obj.variants.exists() else ()

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        items = OrderItem.objects.filter(product_id=obj.pk, store=obj.store_id)
        orders = Order.objects.filter(pk__in=items.values("order_id"), store=obj.store_id)
        return {
            **super().panel_context(request, obj),
            **recent_orders(self.admin_site, request, orders),
        }

    @admin.display(description=_("product"), ordering="title")
    def name(self, row: Product) -> str:
        return name_and_id(row, row.title)

    @admin.display(description=_("status"))
    def state(self, row: Product) -> str:
        status = badge(row.status, tone=TONES.get(row.status, "quiet"))
        return with_quiet(status, self.there(row)) if row.gone_at else status

    @admin.display(description=_("price"), ordering="price_minor")
    def price(self, row: Product) -> str:
        return money(row.price_minor, row.currency)

    @admin.display(description=_("compare-at price"))
    def compare_at_price(self, row: Product) -> str:
        return money(row.compare_at_price_minor, row.currency)

    @admin.display(description=_("categories"))
    def category_names(self, row: Product) -> str:
        links = ProductCategory.objects.filter(product_id=row.pk).order_by("category_id")
        found = {category.pk: category for category in row.categories.all()}
        # The category may be missing here, or another store's: then its id is all there is.
        names = (
            (link(self.admin_site, found[pk]) if pk in found else pk,)
            for pk in links.values_list("category_id", flat=True)
        )
        return format_html_join(", ", "{}", names) or EMPTY


@admin.register(Category)
class CategoryAdmin(MirrorAdmin):
    """Categories."""

    list_display = ("name_and_id", "slug", "parent_name", "there", "synced_at")
    list_filter = ("is_archived", GoneFilter, StoreFilter)
    search_help_text = _("Beginning of an id, name or slug.")
    search_fields = ("id__startswith", "name__startswith", "slug__startswith")
    export_columns = (
        "id",
        ("store", lambda row: row.store_id),
        "name",
        "slug",
        ("parent", lambda row: row.parent_id),
        "is_archived",
        "gone_at",
    )
    fields = (
        ("remote_id", "slug"),
        "name",
        ("parent_link", "display_order"),
        "is_archived",
        "some_products",
        ("created_at", "updated_at"),
        *OF_THIS_COPY,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        return super().get_queryset(request).prefetch_related("parent")

    @admin.display(description=_("category"), ordering="name")
    def name_and_id(self, row: Category) -> str:
        return name_and_id(row, row.name)

    @admin.display(description=_("parent"))
    def parent_name(self, row: Category) -> str:
        return with_quiet(row.parent or row.parent_id or EMPTY)

    @admin.display(description=_("parent"))
    def parent_link(self, row: Category) -> str:
        return link(self.admin_site, row.parent) if row.parent else row.parent_id or EMPTY

    @admin.display(description=_("products"))
    def some_products(self, row: Category) -> str:
        found = row.products.order_by("pk")[:PRODUCTS_OF_A_CATEGORY]
        names = ((link(self.admin_site, product),) for product in found)
        return format_html_join(", ", "{}", names) or EMPTY
