"""Lists that stay quick with a million rows, and tell of no column but those that they offer.

They are counted up to a bound and searched through indexes. Django lets an address filter by each
column of the table, whether a page shows it or not: whoever may see the list could ask, letter by
letter, for what is kept from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import url_params_from_lookup_dict
from django.core.exceptions import FieldError
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet, Value
from django.http import HttpRequest

from pandabase_django.admin.base.display import NAMES_STORE
from pandabase_django.admin.base.scope import names_stores

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _Paginator = Paginator[Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _Paginator = Paginator

__all__ = [
    "MOST_ROWS",
    "AtLeast",
    "BoundedPaginator",
    "ListWithStores",
    "OwnLookupsMixin",
    "PrefixSearchMixin",
]

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


class ListWithStores(ChangeList):
    """Reads the stores of a page's rows in one query, and says whether its rows name them.

    By itself: how the rows are found does not depend on it, as it might with a join.
    """

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(*args, **kwargs)
        lookup: str = self.model_admin.store_lookup  # type: ignore[attr-defined]
        if not lookup:
            return rows
        rows = rows.prefetch_related(lookup)
        return rows.annotate(**{NAMES_STORE: Value(True)}) if self._names_stores else rows

    @cached_property
    def _names_stores(self) -> bool:
        return names_stores()


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


class OwnLookupsMixin(_ModelAdmin):
    """Refuses lookups that neither a filter, the date hierarchy nor a link of ours uses.

    Searches are not lookups, and go on as ``search_fields`` says.

    Attributes:
        linked_by: Lookups that links on other pages use.
    """

    linked_by: Sequence[str] = ()

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Whether the address may ask for this; ``request`` is optional in Django 5.2 alone."""
        return (
            lookup in self.linked_by
            # The whole id, which stands in the address of each row that the list shows.
            or lookup == self.opts.pk.name
            or _limits_choices(self, lookup, value)
            or lookup in self._of_date_hierarchy()
            or lookup in self._of_filters(request)
            or self._asks_nothing(lookup, request)
        )

    def _of_date_hierarchy(self) -> list[str]:
        return [f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")]

    def _asks_nothing(self, lookup: str, request: HttpRequest) -> bool:
        """Whether no column, relation or annotation is meant: then Django leads back."""
        try:
            self.get_queryset(request).query.solve_lookup_type(lookup)
        except FieldError:
            return True
        return False

    def _of_filters(self, request: Any) -> set[str | None]:
        """What the filters take; once for each request, since a shop's own may ask the database."""
        known: dict[Any, set[str | None]] = getattr(request, "_pandabase_lookups", {})
        if self not in known:
            known[self] = {name for names in self._names_of_filters(request) for name in names}
            if request is not None:
                request._pandabase_lookups = known
        return known[self]

    def _names_of_filters(self, request: HttpRequest) -> Iterator[Sequence[str | None]]:
        for item in self.get_list_filter(request):
            if isinstance(item, type) and issubclass(item, admin.SimpleListFilter):
                # Made, it would ask the database for its choices.
                yield item.parameter_name, getattr(item, "search_name", None)
            else:
                yield _parameters(self, item, request)


def _parameters(model_admin: OwnLookupsMixin, item: Any, request: HttpRequest) -> Sequence[str]:
    """What a filter of ``list_filter`` takes, made as Django's list makes it."""
    model: Any = model_admin.model
    if callable(item):
        return [*item(request, {}, model, model_admin).expected_parameters()]
    path, make = item if isinstance(item, (tuple, list)) else (item, admin.FieldListFilter.create)
    field = get_fields_from_path(model, path)[-1]
    made = make(field, request, {}, model, model_admin, field_path=path)
    names = [*made.expected_parameters()]
    # People write "state=DEAD" by hand, which is "state__exact=DEAD".
    return [*names, path] if f"{path}__exact" in names else names


def _limits_choices(model_admin: OwnLookupsMixin, lookup: str, value: Any) -> bool:
    """Whether a shop's own foreign key limits its choices by this, for the pop-up that lists them.

    As in Django's ``lookup_allowed``, which can't be asked for this alone.
    """
    limits: Any = model_admin.opts.related_fkey_lookups
    return any(
        (lookup, value)
        in url_params_from_lookup_dict(limit() if callable(limit) else limit).items()
        for limit in limits
    )
