"""Filters that read no whole table, and show nobody a store that they may not see."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.scope import hidden_stores
from pandabase_django.admin.base.store_search import (
    SEARCH_NAME,
    STORES_OFFERED,
    like_condition,
    searched_text,
    told_apart,
)
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
    """By store; absent where there is one store alone.

    Where there are many, some are offered, and a field above the list finds the others by a part
    of their name or id: it needs no script, and no right to see the pages of stores.

    Attributes:
        many: There are more stores than are offered.
        like: What was searched for.
        more: More fit than are offered.
        found: Stores that fit, with the address of their rows.
        kept: What else the address asks for, as names and values.
    """

    title = _("store")
    parameter_name = "store"
    search_name = SEARCH_NAME

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        self.store_lookup: str = model_admin.store_lookup
        self.many = self.more = False
        self.like = searched_text(params.pop(self.search_name, []))
        self.kept = [
            (name, value)
            for name, values in request.GET.lists()
            for value in values
            if name not in (self.search_name, self.parameter_name, "p")
        ]
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        stores = Store.objects.exclude(pk__in=hidden_stores(model_admin, request))
        offered = list(stores[: STORES_OFFERED + 1])
        self.many = len(offered) > STORES_OFFERED
        if self.many and self.like:
            offered = list(stores.filter(like_condition(self.like))[: STORES_OFFERED + 1])
        self.more = len(offered) > STORES_OFFERED
        offered = offered[:STORES_OFFERED]
        if self.many and self.value() and self.value() not in [store.pk for store in offered]:
            offered = [*stores.filter(pk=self.value()), *offered]
        found = told_apart(offered)
        return found if len(found) > 1 or self.many else []

    def has_output(self) -> bool:
        return self.many or super().has_output()

    @property
    def found(self) -> list[tuple[str, str]]:
        """Stores that the search found, with the query of the list of their rows."""
        return [
            (str(name), f"?{urlencode([*self.kept, (self.parameter_name, pk)])}")
            for pk, name in self.lookup_choices
        ]

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
