"""Coupons."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.display import money, name_and_id
from pandabase_django.admin.base.filters import GoneFilter, StoreFilter
from pandabase_django.admin.mirror.page import OF_THIS_COPY, MirrorAdmin
from pandabase_django.models import Coupon
from pandabase_django.texts.amounts import major_units

__all__ = ["CouponAdmin"]


@admin.register(Coupon)
class CouponAdmin(MirrorAdmin):
    """Coupons."""

    list_display = ("code_and_id", "reduction", "is_enabled", "times_used", "expires_at")
    list_filter = ("is_enabled", "type", GoneFilter, StoreFilter)
    sortable_by = ("code_and_id", "times_used", "expires_at")
    search_help_text = _("Beginning of an id, code or name.")
    search_fields = ("id__startswith", "code__istartswith", "display_name__startswith")
    export_columns = (
        "id",
        ("store", lambda row: row.store_id),
        "code",
        ("name", lambda row: row.display_name),
        "type",
        "value",
        ("minimum", lambda row: major_units(row.minimum_purchase_minor, row.store.currency)),
        "is_enabled",
        "times_used",
        "max_uses",
        "starts_at",
        "expires_at",
        "gone_at",
    )
    fields = (
        ("remote_id", "code"),
        ("display_name", "is_enabled"),
        ("reduction", "minimum_purchase"),
        ("times_used", "max_uses"),
        ("starts_at", "expires_at"),
        ("created_at", "updated_at"),
        *OF_THIS_COPY,
    )

    @admin.display(description=_("coupon"), ordering="code")
    def code_and_id(self, row: Coupon) -> str:
        return name_and_id(row, row.code)

    @admin.display(description=_("reduction"))
    def reduction(self, row: Coupon) -> str:
        if row.type == "PERCENTAGE" and row.value is not None:
            return f"{row.value} %"
        return money(row.value, row.store.currency)

    @admin.display(description=_("minimum purchase"))
    def minimum_purchase(self, row: Coupon) -> str:
        return money(row.minimum_purchase_minor, row.store.currency)
