"""The measure for accessibility: what Django's own ModelAdmin makes of our models."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import include, path

from demo_project.urls import urlpatterns as demo_urlpatterns
from pandabase_django.models import ApiToken, Order, OrderItem, Product, ProductVariant, SyncRun

__all__ = ["site", "urlpatterns"]

site = admin.AdminSite(name="plain")


class PlainVariants(admin.TabularInline):  # type: ignore[type-arg]
    model = ProductVariant
    extra = 0
    fields = ("title",)


class PlainItems(admin.TabularInline):  # type: ignore[type-arg]
    model = OrderItem
    extra = 0
    fields = readonly_fields = ("name", "quantity")
    can_delete = False


@admin.register(Product, site=site)
class PlainProductAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("title", "status", "in_stock")
    list_filter = ("status",)
    search_fields = ("title",)
    search_help_text = "Beginning of a title."
    show_full_result_count = False
    inlines = (PlainVariants,)
    fields = ("title", "status", "in_stock")


@admin.register(Order, site=site)
class PlainOrderAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("order_number", "status", "amount_minor")
    search_fields = ("order_number",)
    inlines = (PlainItems,)
    fields = ("order_number", "status", "amount_minor")
    date_hierarchy = "created_at"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


site.register([ApiToken, SyncRun])

urlpatterns = [path("", include(demo_urlpatterns))]
if settings.THEME == "grappelli":
    urlpatterns.append(path("grappelli/", include("grappelli.urls")))
if not settings.THEME:
    urlpatterns.append(path("plain/", site.urls))
