"""Which stores' rows a person sees, asked of the shop's own ``has_view_permission``.

Django puts an object to ``has_view_permission`` on that object's page alone. Here each store is put
to it as well, and the rows of refused stores fall out of the queryset that lists, searches,
actions, exports, autocompletes and pages all start from.
"""

from __future__ import annotations

from typing import Any

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
    "open_stores",
    "visible_stores",
]


class ByStoreMixin(RightsMixin):
    """Leaves out the rows of stores that ``has_view_permission`` refuses.

    A shop whose people see some stores only overrides ``has_view_permission`` and decides by the
    object's store; rules finer than that belong into ``get_queryset``.
    """

    #: Path from a row to its store; "" when the row is the store.
    store_lookup = "store"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
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
    # A page asks for several models; the stores themselves are the same.
    known: dict[str, list[Store]] = request.__dict__
    if "_pandabase_stores" not in known:
        known["_pandabase_stores"] = list(Store.objects.all())
    return [store for store in known["_pandabase_stores"] if store.pk not in hidden]


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
    found = [store.pk for store in Store.objects.all() if may_add_to(model_admin, request, store)]
    return Store.objects.filter(pk__in=found)


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
