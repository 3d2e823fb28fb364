"""Products with variants, and categories."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.display import money
from pandabase_django.admin.mirror import GoneFilter, MirrorAdmin, MirrorInline
from pandabase_django.models import Category, Product, ProductCategory, ProductVariant

__all__ = ["CategoryAdmin", "ProductAdmin"]


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

    list_display = ("title", "id", "status", "price", "in_stock", "there", "synced_at")
    list_filter = ("status", "in_stock", GoneFilter)
    search_fields = ("id", "title", "handle")
    inlines = (VariantInline,)
    fields = readonly_fields = (
        "id",
        "store_id",
        "title",
        "handle",
        "status",
        "product_type",
        "price",
        "compare_at_price",
        "in_stock",
        "category_names",
        "created_at",
        "updated_at",
        "first_seen_at",
        "synced_at",
        "gone_at",
        "payload_as_received",
    )

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
        return ", ".join(
            sorted(link.category.name if link.category else link.category_id for link in links)
        )


@admin.register(Category)
class CategoryAdmin(MirrorAdmin):
    """Categories."""

    list_display = ("name", "id", "slug", "parent_id", "display_order", "there", "synced_at")
    list_filter = ("is_archived", GoneFilter)
    search_fields = ("id", "name", "slug")
    fields = readonly_fields = (
        "id",
        "store_id",
        "name",
        "slug",
        "parent_id",
        "display_order",
        "is_archived",
        "created_at",
        "updated_at",
        "first_seen_at",
        "synced_at",
        "gone_at",
        "payload_as_received",
    )
