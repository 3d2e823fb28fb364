"""Subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.actions.pages import ActionsMixin
from pandabase_django.admin.actions.subscriptions import SUBSCRIPTION_ACTIONS
from pandabase_django.admin.base.display import EMPTY, badge, money, name_and_id, with_quiet
from pandabase_django.admin.base.filters import GoneFilter, KnownValuesFilter, StoreFilter
from pandabase_django.admin.base.links import link
from pandabase_django.admin.base.rights import admin_of
from pandabase_django.admin.base.scope import visible_ids, visible_rows, visible_stores
from pandabase_django.admin.checkout.cells import user_link
from pandabase_django.admin.mirror.page import OF_THIS_COPY, MirrorAdmin
from pandabase_django.models import CustomerLink, Purchase, Subscription
from pandabase_django.texts.amounts import major_units, money_text
from pandabase_django.texts.intervals import interval_text

__all__ = ["SubscriptionAdmin"]

TONES = {
    "ACTIVE": "good",
    "PAST_DUE": "bad",
    "PAUSED": "busy",
    "TRIALING": "busy",
}


class StatusFilter(KnownValuesFilter):
    """By status."""

    title = _("status")
    parameter_name = "status"


@admin.register(Subscription)
class SubscriptionAdmin(ActionsMixin, MirrorAdmin):
    """Subscriptions."""

    known_values: Sequence[str] = Subscription.Status.values
    list_display = ("customer_and_id", "state", "plan", "next_charge_at", "ends_at")
    list_filter = (StatusFilter, "billing_interval", GoneFilter, StoreFilter)
    sortable_by = ("next_charge_at", "ends_at")
    search_help_text = _("Beginning of an id, or the whole id of a customer or product.")
    search_fields = ("id__startswith", "customer", "product")
    above = ("admin/pandabase/actions/asked.html",)
    action_pages = SUBSCRIPTION_ACTIONS
    export_columns = (
        "id",
        ("store", lambda row: row.store_id),
        ("customer", lambda row: row.customer_id),
        ("email", lambda row: row.customer.email if row.customer else ""),
        ("product", lambda row: row.product_id),
        "status",
        ("interval", lambda row: row.billing_interval),
        ("amount", lambda row: major_units(row.amount_minor, row.currency)),
        "currency",
        "quantity",
        "current_period_start",
        "current_period_end",
        "next_charge_at",
        "trial_end",
        "cancelled_at",
        "paused_at",
        "ends_at",
        "retry_count",
        "created_at",
        "gone_at",
    )
    fields = (
        ("remote_id", "of_store"),
        ("customer_link", "product_link"),
        "user",
        ("state", "retry_count"),
        ("amount", "interval", "quantity"),
        ("current_period_start", "current_period_end"),
        ("next_charge_at", "trial_end"),
        ("paused_at", "cancelled_at", "ends_at"),
        "created_at",
        *OF_THIS_COPY,
    )

    def has_cancel_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a subscription may be cancelled."""
        return self._granted(request, "pandabase.cancel_subscription", obj)

    def has_pause_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a subscription may be paused."""
        return self._granted(request, "pandabase.pause_subscription", obj)

    def has_resume_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a subscription may be resumed."""
        return self._granted(request, "pandabase.resume_subscription", obj)

    def has_reactivate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a subscription may be reactivated."""
        return self._granted(request, "pandabase.reactivate_subscription", obj)

    def has_change_plan_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a subscription may be changed to another plan."""
        return self._granted(request, "pandabase.change_plan_subscription", obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whose it is, as far as this person sees that on other pages."""
        fields = super().get_fields(request, obj)
        return [name for name in fields if name != "user" or getattr(obj, "shown_user", None)]

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """The row of a page, which shows whose it is as far as this person may know that."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            row.shown_user = self._user(request, row)
        return row

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("customer", "product")

    @admin.display(description=_("subscription"))
    def customer_and_id(self, row: Subscription) -> str:
        email = row.customer.email if row.customer else ""
        return name_and_id(row, email or row.customer_id)

    @admin.display(description=_("product"))
    def plan(self, row: Subscription) -> str:
        title = row.product.title if row.product else ""
        amount = money_text(row.amount_minor, row.currency)
        price = ", ".join(filter(None, [amount, interval_text(row.billing_interval)]))
        return with_quiet(title or row.product_id or EMPTY, price)

    @admin.display(description=_("interval"))
    def interval(self, row: Subscription) -> str:
        return interval_text(row.billing_interval) or EMPTY

    @admin.display(description=_("amount"))
    def amount(self, row: Subscription) -> str:
        return money(row.amount_minor, row.currency)

    @admin.display(description=_("status"))
    def state(self, row: Subscription) -> str:
        status = badge(row.status, tone=TONES.get(row.status, "quiet"))
        return with_quiet(status, self.there(row)) if row.gone_at else status

    @admin.display(description=_("customer"))
    def customer_link(self, row: Subscription) -> str:
        return link(self.admin_site, row.customer) if row.customer else row.customer_id or EMPTY

    @admin.display(description=_("user"))
    def user(self, row: Any) -> str:
        """Whose purchase began it, or whom its customer is linked to."""
        return user_link(self.admin_site, getattr(row, "shown_user", None))

    def _user(self, request: HttpRequest, row: Subscription) -> Any:
        site = self.admin_site
        purchases = visible_rows(site, request, Purchase).prefetch_related(None)
        began = purchases.filter(subscription=row.pk, store=row.store_id).first()
        if began is not None and began.user is not None:
            return began.user
        links = CustomerLink.objects.in_force().filter(customer=row.customer_id, store=row.store_id)
        linked = links.select_related("user").first()
        if linked is None or row.store not in visible_stores(site, request, Purchase):
            return None
        of_links = admin_of(site, CustomerLink)
        hidden = of_links is not None and not visible_ids(of_links, request, [linked.pk])
        return None if hidden else linked.user

    @admin.display(description=_("product"))
    def product_link(self, row: Subscription) -> str:
        return link(self.admin_site, row.product) if row.product else row.product_id or EMPTY
