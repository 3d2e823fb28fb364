"""Licences. None is looked for by its key here: addresses of pages are logged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.display import EMPTY, badge, name_and_id, with_quiet
from pandabase_django.admin.base.filters import GoneFilter, KnownValuesFilter, StoreFilter
from pandabase_django.admin.base.links import link
from pandabase_django.admin.mirror.page import OF_THIS_COPY, MirrorAdmin
from pandabase_django.models import License

__all__ = ["LicenseAdmin"]

TONES = {"CLAIMED": "good", "REVOKED": "bad"}


class StatusFilter(KnownValuesFilter):
    """By status."""

    title = _("status")
    parameter_name = "status"


@admin.register(License)
class LicenseAdmin(MirrorAdmin):
    """Licences."""

    known_values: Sequence[str] = License.Status.values
    list_display = ("customer_and_id", "product_title", "key_end", "state", "claimed_at")
    list_filter = (StatusFilter, GoneFilter, StoreFilter)
    sortable_by = ("claimed_at",)
    search_help_text = _("Beginning of an id, or the whole id of an order, customer or product.")
    search_fields = ("id__startswith", "order", "customer", "product")
    export_columns = (
        "id",
        ("store", lambda row: row.store_id),
        ("customer", lambda row: row.customer_id),
        ("email", lambda row: row.customer.email if row.customer else ""),
        ("order", lambda row: row.order_id),
        ("product", lambda row: row.product_id),
        ("variant", lambda row: row.variant_id),
        "status",
        "key_last_four",
        "claimed_at",
        "created_at",
        "gone_at",
    )
    fields = (
        ("remote_id", "of_store"),
        ("state", "key_end"),
        ("product_link", "variant_id"),
        ("order_link", "customer_link"),
        ("claimed_at", "created_at"),
        *OF_THIS_COPY,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("customer", "product", "order")

    @admin.display(description=_("license"))
    def customer_and_id(self, row: License) -> str:
        email = row.customer.email if row.customer else ""
        return name_and_id(row, email or row.customer_id)

    @admin.display(description=_("product"))
    def product_title(self, row: License) -> str:
        return (row.product.title if row.product else "") or row.product_id or EMPTY

    @admin.display(description=_("key ends in"))
    def key_end(self, row: License) -> str:
        return row.key_last_four or EMPTY

    @admin.display(description=_("status"))
    def state(self, row: License) -> str:
        status = badge(row.status, tone=TONES.get(row.status, "quiet"))
        return with_quiet(status, self.there(row)) if row.gone_at else status

    @admin.display(description=_("product"))
    def product_link(self, row: License) -> str:
        return link(self.admin_site, row.product) if row.product else row.product_id or EMPTY

    @admin.display(description=_("order"))
    def order_link(self, row: License) -> str:
        return link(self.admin_site, row.order) if row.order else row.order_id or EMPTY

    @admin.display(description=_("customer"))
    def customer_link(self, row: License) -> str:
        return link(self.admin_site, row.customer) if row.customer else row.customer_id or EMPTY
