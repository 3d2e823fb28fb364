"""Filters that read no table through and tell nobody of stores they may not see."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.scope import hidden_stores
from pandabase_django.models import Store

__all__ = ["GoneFilter", "StoreFilter"]


class StoreFilter(admin.SimpleListFilter):
    """By store; absent where there is one store alone."""

    title = _("store")
    parameter_name = "store"
    #: Path from a row to its store.
    lookup = "store"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        stores = Store.objects.exclude(pk__in=hidden_stores(model_admin, request))
        found = [(store.pk, str(store)) for store in stores]
        return found if len(found) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.lookup: self.value()}) if self.value() else queryset


class GoneFilter(admin.SimpleListFilter):
    """Rows that stand at the remote, or tombstones."""

    title = _("at Pandabase")
    parameter_name = "gone"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("There")), ("yes", _("Gone"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(gone_at__isnull=self.value() == "no")
