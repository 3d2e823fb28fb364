"""Refunds, disputes, the ledger and payouts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.actions.disputes import DISPUTE_ACTIONS, due_text
from pandabase_django.admin.actions.pages import ActionsMixin
from pandabase_django.admin.base.display import (
    EMPTY,
    badge,
    breakable,
    money,
    name_and_id,
    with_quiet,
    with_store,
)
from pandabase_django.admin.base.filters import GoneFilter, KnownValuesFilter, StoreFilter
from pandabase_django.admin.base.links import link
from pandabase_django.admin.books.months import MonthsMixin
from pandabase_django.admin.mirror.page import OF_THIS_COPY, MirrorAdmin
from pandabase_django.models import Dispute, LedgerEntry, Order, Payout, Refund
from pandabase_django.texts.amounts import major_units

__all__ = ["TONES", "DisputeAdmin", "LedgerEntryAdmin", "PayoutAdmin", "RefundAdmin"]

TONES = {
    "AWAITING_REVIEW": "bad",
    "COMPLETED": "good",
    "FAILED": "bad",
    "LOST": "bad",
    "PREVENTED": "good",
    "PROCESSING": "busy",
    "SUCCESSFUL": "good",
    "UNDER_REVIEW": "busy",
    "WON": "good",
}
MOST_ORDERS = 20  # that one searched order number may bring


class _MoneyAdmin(MirrorAdmin):
    """Rows with an amount, the newest first."""

    sortable_by = ("created_at",)

    @admin.display(description=_("amount"))
    def amount(self, row: Any) -> str:
        return money(row.amount_minor, row.currency)

    @admin.display(description=_("fee"))
    def fee(self, row: Any) -> str:
        return money(row.fee_minor, row.currency)

    @admin.display(description=_("status"))
    def state(self, row: Any) -> str:
        status = badge(row.status, tone=TONES.get(row.status, "quiet"))
        return with_quiet(status, self.there(row)) if row.gone_at else status


class StatusFilter(KnownValuesFilter):
    """By status."""

    title = _("status")
    parameter_name = "status"


class _OfAnOrderAdmin(_MoneyAdmin):
    """Rows that belong to an order."""

    list_display: tuple[str, ...] = ("order_and_id", "amount", "state_and_reason", "created_at")
    list_filter = (StatusFilter, "created_at", GoneFilter, StoreFilter)
    search_help_text = _("Beginning of an id, or a whole order id or order number.")
    search_fields = ("id__startswith", "order")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("order")

    def search_condition(self, term: str) -> Q:
        found = super().search_condition(term)
        orders = Order.objects.filter(order_number=term)
        for pk, store in orders.values_list("pk", "store_id")[:MOST_ORDERS]:
            found |= Q(order=pk, store=store)
        return found

    @admin.display(description=_("status"))
    def state_and_reason(self, row: Any) -> str:
        return with_quiet(self.state(row), breakable(row.reason))

    @admin.display(description=_("order"))
    def order_and_id(self, row: Any) -> str:
        number = row.order.order_number if row.order else ""
        return name_and_id(row, number or row.order_id)

    @admin.display(description=_("order"))
    def order_link(self, row: Any) -> str:
        return link(self.admin_site, row.order) if row.order else row.order_id or EMPTY


_OF_AN_ORDER = (
    "id",
    ("store", lambda row: row.store_id),
    ("order", lambda row: row.order_id),
    ("order_number", lambda row: row.order.order_number if row.order else ""),
    "status",
    "reason",
    ("amount", lambda row: major_units(row.amount_minor, row.currency)),
)
_TIMES = ("created_at", "gone_at")


@admin.register(Refund)
class RefundAdmin(_OfAnOrderAdmin):
    """Refunds."""

    known_values: Sequence[str] = ("PROCESSING", "COMPLETED", "FAILED")
    export_columns = (*_OF_AN_ORDER, "currency", *_TIMES)
    fields = (
        ("remote_id", "order_link"),
        ("state", "reason"),
        "amount",
        "created_at",
        *OF_THIS_COPY,
    )


@admin.register(Dispute)
class DisputeAdmin(ActionsMixin, _OfAnOrderAdmin):
    """Disputes."""

    list_display = ("order_and_id", "evidence_until", "state_and_reason", "amount", "created_at")
    above = ("admin/pandabase/actions/asked.html",)
    action_pages = DISPUTE_ACTIONS

    known_values: Sequence[str] = ("AWAITING_REVIEW", "UNDER_REVIEW", "WON", "LOST", "PREVENTED")
    export_columns = (
        *_OF_AN_ORDER,
        ("total", lambda row: major_units(row.total_minor, row.currency)),
        ("fee", lambda row: major_units(row.fee_minor, row.currency)),
        "currency",
        *_TIMES,
    )
    fields = (
        ("remote_id", "order_link"),
        ("state", "reason"),
        ("amount", "total", "fee"),
        ("created_at", "evidence_until"),
        *OF_THIS_COPY,
    )

    def has_answer_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a dispute may be answered."""
        return self._granted(request, "pandabase.answer_dispute", obj)

    @admin.display(description=_("evidence until"))
    def evidence_until(self, row: Dispute) -> Any:
        return due_text(row)

    @admin.display(description=_("total paid"))
    def total(self, row: Dispute) -> str:
        return money(row.total_minor, row.currency)


class TypeFilter(KnownValuesFilter):
    """By type."""

    title = _("type")
    parameter_name = "type"


@admin.register(LedgerEntry)
class LedgerEntryAdmin(MonthsMixin, _MoneyAdmin):
    """The balance ledger, and its months."""

    known_values: Sequence[str] = (
        "OPENING_BALANCE",
        "PAYMENT_RECEIVED",
        "REFUND_INSTANT",
        "REFUND_ASYNC",
        "REFUND_EXTERNAL",
        "DISPUTE_CREATED",
        "DISPUTE_WON",
        "PAYOUT",
    )
    list_display = ("type_and_id", "amount", "balance", "description", "created_at")
    list_filter = (TypeFilter, "created_at", StoreFilter)
    search_help_text = _("Beginning of an id, or of the id of what it belongs to.")
    search_fields = ("id__startswith", "reference_id__startswith")
    export_columns = (
        "id",
        ("store", lambda row: row.store_id),
        "type",
        ("amount", lambda row: major_units(row.amount_minor, row.currency)),
        ("balance", lambda row: major_units(row.balance_minor, row.currency)),
        "currency",
        ("reference", lambda row: row.reference_id),
        "description",
        *_TIMES,
    )
    fields = (
        ("remote_id", "type"),
        ("amount", "balance"),
        ("reference_id", "order_link"),
        "description",
        "created_at",
        *OF_THIS_COPY,
    )

    @admin.display(description=_("ledger entry"))
    def type_and_id(self, row: LedgerEntry) -> str:
        return name_and_id(row, breakable(row.type))

    @admin.display(description=_("balance"))
    def balance(self, row: LedgerEntry) -> str:
        return money(row.balance_minor, row.currency)

    @admin.display(description=_("order"))
    def order_link(self, row: LedgerEntry) -> str:
        order = row.order
        return link(self.admin_site, order) if order else EMPTY


@admin.register(Payout)
class PayoutAdmin(_MoneyAdmin):
    """Payouts."""

    known_values: Sequence[str] = ("PROCESSING", "COMPLETED", "FAILED")
    list_display = ("id_and_reference", "amount", "state", "fee", "created_at")
    list_filter = (StatusFilter, "created_at", GoneFilter, StoreFilter)
    search_help_text = _("Beginning of an id or of the bank's reference.")
    search_fields = ("id__startswith", "reference_id__startswith")
    export_columns = (
        "id",
        ("store", lambda row: row.store_id),
        "status",
        ("amount", lambda row: major_units(row.amount_minor, row.currency)),
        ("fee", lambda row: major_units(row.fee_minor, row.currency)),
        "currency",
        ("reference", lambda row: row.reference_id),
        ("bank_account", lambda row: row.method_id),
        "updated_at",
        *_TIMES,
    )
    fields = (
        ("remote_id", "state"),
        ("amount", "fee"),
        ("reference_id", "method_id"),
        ("created_at", "updated_at"),
        *OF_THIS_COPY,
    )

    @admin.display(description=_("payout"))
    def id_and_reference(self, row: Payout) -> str:
        return with_store(row, row.pk, row.reference_id)
