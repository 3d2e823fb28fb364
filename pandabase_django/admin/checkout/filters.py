"""What lists of checkouts and purchases are filtered by."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from pandabase_django.events import registered_purposes
from pandabase_django.models import Purchase

__all__ = ["HandingFilter", "PurposeFilter"]

NEWEST_ROWS = 500  # whose purposes are offered; to ask for those of all would read the table

State = Purchase.State


class HandingFilter(admin.SimpleListFilter):
    """By what became of the handlers: those that somebody looks for."""

    title = _("handing out")
    parameter_name = "handing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("dead", _("Given up")), ("failing", _("Failing")), ("pending", _("Pending"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = {
            "dead": Q(state=State.DEAD),
            "failing": Q(state=State.PENDING) & ~Q(last_error=""),
            "pending": Q(state=State.PENDING),
        }.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(wanted)


class PurposeFilter(admin.SimpleListFilter):
    """By purpose: those that handlers are registered for, and those of the newest rows.

    Any other one can be written into the address.
    """

    title = _("purpose")
    parameter_name = "purpose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        newest = model_admin.get_queryset(request).order_by(*model_admin.opts.ordering)
        found = set(newest.values_list(self._path(model_admin.model), flat=True)[:NEWEST_ROWS])
        found |= registered_purposes()
        named = self.value()
        if named is not None:
            found.add(named)
        if len(found) < 2:
            return []  # there is nothing to choose
        return [(purpose, purpose or _("Without purpose")) for purpose in sorted(found)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        purpose = self.value()
        if purpose is None:
            return queryset
        return queryset.filter(**{self._path(queryset.model): purpose})

    @staticmethod
    def _path(model: type[Any]) -> str:
        return "session__purpose" if issubclass(model, Purchase) else "purpose"
