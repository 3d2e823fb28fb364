"""Filters that read no whole table, and show nobody a store that they may not see."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.scope import hidden_stores
from pandabase_django.models import Store
from pandabase_django.services.sync.orders.orders import ORDER_STATUSES

__all__ = [
    "DetailsDueFilter",
    "GoneFilter",
    "KnownValuesFilter",
    "OrderStatusFilter",
    "StoreFilter",
]


class StoreFilter(admin.SimpleListFilter):
    """By store; absent where there is one store alone."""

    title = _("store")
    parameter_name = "store"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        self.store_lookup: str = model_admin.store_lookup
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        stores = Store.objects.exclude(pk__in=hidden_stores(model_admin, request))
        found = [(store.pk, str(store)) for store in stores]
        return found if len(found) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.store_lookup: self.value()}) if self.value() else queryset


class OrderStatusFilter(admin.SimpleListFilter):
    """By status, through the index of store and status.

    Asking the table which statuses it has would read it through.
    """

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        known = [(status, status) for status in ORDER_STATUSES]
        # A status that this version does not know can still be asked for by its address.
        asked = request.GET.get(self.parameter_name, "")
        return known if not asked or asked in ORDER_STATUSES else [*known, (asked, asked)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        stores = list(Store.objects.values_list("pk", flat=True))
        return queryset.filter(status=self.value(), store__in=stores)


class KnownValuesFilter(admin.SimpleListFilter):
    """By a column whose values the pages name in ``known_values``, as the table is not asked.

    Subclasses set ``title``, and ``parameter_name`` to the column.
    """

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        known = [(value, value) for value in model_admin.known_values]
        # A value that this version does not know can still be asked for by its address.
        asked = request.GET.get(self.parameter_name or "", "")
        return known if not asked or (asked, asked) in known else [*known, (asked, asked)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(**{self.parameter_name or "": value}) if value else queryset


class DetailsDueFilter(admin.SimpleListFilter):
    """Orders whose line items are to be read: few as a rule, and they have an index of their own.

    The others are not offered: while a first sync goes on, they are few among very many.
    """

    title = _("details")
    parameter_name = "dirty"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Due"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(dirty=True) if self.value() else queryset


class GoneFilter(admin.SimpleListFilter):
    """Rows that the remote has, or tombstones."""

    title = _("at Pandabase")
    parameter_name = "gone"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("There")), ("yes", _("Gone"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(gone_at__isnull=self.value() == "no")
