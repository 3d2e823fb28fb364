"""Lists that stay quick with a million rows: counted up to a bound, searched through indexes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _Paginator = Paginator[Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _Paginator = Paginator

__all__ = ["MOST_ROWS", "AtLeast", "BoundedPaginator", "PrefixSearchMixin"]

MOST_ROWS = 10_000  # further ones are reached by filters and the search, not by turning pages


class AtLeast(int):
    """A number that says that there are more."""

    def __str__(self) -> str:
        return f"{int(self)}+"


class BoundedPaginator(_Paginator):
    """Counts no further than ``MOST_ROWS``: counting a million takes a database seconds."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        found: int = rows.order_by()[: MOST_ROWS + 1].count()
        return AtLeast(MOST_ROWS) if found > MOST_ROWS else found


class PrefixSearchMixin(_ModelAdmin):
    """Searches by the beginning of what has an index, and joins nothing.

    ``search_fields`` are lookups of the table's own columns. Django's own search would look into
    every row: "contains" uses no index, and neither does an OR across a join.
    """

    paginator = BoundedPaginator
    show_full_result_count = False

    def search_condition(self, term: str) -> Q:
        """What a row must fulfil to be found."""
        found = Q()
        for lookup in self.search_fields:
            found |= Q(**{lookup: term})
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip().replace("\x00", "")
        return (queryset.filter(self.search_condition(term)) if term else queryset), False
