"""Which stores' rows a person sees, asked of the shop's own ``has_view_permission``.

Django puts an object to ``has_view_permission`` on that object's page alone. Here each store is put
to it as well, and the rows of refused stores fall out of the queryset that lists, searches,
actions, exports, autocompletes and pages all start from.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from pandabase_django.admin.base.rights import RightsMixin, admin_of, may_view, rules_allow
from pandabase_django.models import Store

__all__ = [
    "ByStoreMixin",
    "blank_row_of",
    "hidden_stores",
    "may_add_to",
    "names_stores",
    "open_stores",
    "visible_among",
    "visible_ids",
    "visible_rows",
    "visible_stores",
]

R = TypeVar("R", bound=Model)

#: Which rows are seen is up to these.
_RULES = ("get_queryset", "has_view_permission")


class ByStoreMixin(RightsMixin):
    """Leaves out the rows of stores that ``has_view_permission`` refuses.

    A shop whose people see some stores only overrides ``has_view_permission`` and decides by the
    object's store; rules finer than that belong into ``get_queryset``.
    """

    #: Path from a row to its store; "" when the row is the store.
    store_lookup = "store"
    called_by_store = False  # the text of a row names its store, also where Django lists rows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if self.called_by_store:
            # No join: with one, Django's list leaves out what list_select_related names.
            rows = rows.prefetch_related(self.store_lookup)
        hidden = hidden_stores(self, request)
        return rows.exclude(**{f"{self.store_lookup or 'pk'}__in": hidden}) if hidden else rows


def hidden_stores(model_admin: ByStoreMixin, request: HttpRequest) -> list[str]:
    """Ids of the stores whose rows this person may not view on these pages."""
    if type(model_admin).has_view_permission is RightsMixin.has_view_permission:
        return []  # It does not look at the object.
    return [
        store.pk
        for store in Store.objects.order_by("pk")
        if not model_admin.has_view_permission(request, blank_row_of(model_admin, store))
    ]


def visible_stores(site: admin.AdminSite, request: HttpRequest, model: type[Model]) -> list[Store]:
    """The stores whose rows of this model a person may see, by the model's own admin."""
    if not may_view(site, request, model):
        return []
    model_admin = admin_of(site, model)
    hidden = hidden_stores(model_admin, request) if isinstance(model_admin, ByStoreMixin) else []
    return [store for store in _all_stores(request) if store.pk not in hidden]


def visible_rows(site: admin.AdminSite, request: HttpRequest, model: type[R]) -> QuerySet[R]:
    """The rows of a model that a person sees on its own pages, for the panels of other pages.

    In the order of the model, so that panels show the newest, however a shop orders its list.
    """
    if not may_view(site, request, model):
        return model._default_manager.none()
    rows: QuerySet[R] = admin_of(site, model).get_queryset(request)
    return rows.order_by(*(model._meta.ordering or ()))


def visible_among(site: admin.AdminSite, request: HttpRequest, rows: Collection[R]) -> list[R]:
    """Those of these rows, all of one model, that a person sees on its own pages."""
    model = next((type(row) for row in rows), None)
    if model is None or not may_view(site, request, model):
        return []
    seen = visible_ids(admin_of(site, model), request, [row.pk for row in rows])
    return [row for row in rows if str(row.pk) in seen]


def visible_ids(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, ids: Collection[Any]
) -> set[str]:
    """Those of these ids, as texts, whose rows the rules of these pages do not keep from a person.

    Costs no query where no shop has rules: then whoever may view one row may view all.
    """
    own = (base for base in type(model_admin).__mro__ if not _is_known(base))
    if not ids or not any(name in vars(base) for base in own for name in _RULES):
        return {str(pk) for pk in ids}
    rows = model_admin.get_queryset(request).filter(pk__in=ids)
    return {str(row.pk) for row in rows if model_admin.has_view_permission(request, row)}


def _is_known(base: type) -> bool:
    return base.__module__.startswith(("pandabase_django.", "django."))


def may_add_to(model_admin: ByStoreMixin, request: HttpRequest, store: Store) -> bool:
    """Whether rows of a store, which need not be here yet, are in this person's scope.

    Asked are the rules of the pages of that model, and those of the pages of stores.
    """
    of_stores = admin_of(model_admin.admin_site, Store)
    return rules_allow(model_admin, request, blank_row_of(model_admin, store)) and (
        of_stores is None or rules_allow(of_stores, request, store)
    )


def open_stores(model_admin: ByStoreMixin, request: HttpRequest) -> QuerySet[Store]:
    """The stores that a form may offer this person."""
    found = [store.pk for store in _all_stores(request) if may_add_to(model_admin, request, store)]
    return Store.objects.filter(pk__in=found)


def _all_stores(request: HttpRequest) -> list[Store]:
    """Every store: a page asks for those of several models, and they themselves are the same."""
    known: dict[str, list[Store]] = request.__dict__
    if "_pandabase_stores" not in known:
        known["_pandabase_stores"] = list(Store.objects.all())
    return known["_pandabase_stores"]


def names_stores() -> bool:
    """Whether a list says whose each row is: there are several stores, or the one is a test."""
    marks = list(Store.objects.order_by().values_list("mark", flat=True)[:2])
    return len(marks) > 1 or Store.Mark.TEST in marks


def blank_row_of(model_admin: ByStoreMixin, store: Store) -> Any:
    """An unsaved row of the store, for rules that decide by it."""
    path = model_admin.store_lookup.split("__") if model_admin.store_lookup else []
    return _blank_row(model_admin.model, path, store)


def _blank_row(model: type[Model], path: list[str], store: Store) -> Model:
    """An unsaved row of the store."""
    if not path:
        return store
    name, *rest = path
    related = model._meta.get_field(name).related_model
    assert isinstance(related, type)  # noqa: S101  a relation, by the attribute's contract
    return model(**{name: _blank_row(related, rest, store)})
