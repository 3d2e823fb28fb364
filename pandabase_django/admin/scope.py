"""Which stores' rows a person sees, asked of the shop's own ``has_view_permission``.

Django puts an object to ``has_view_permission`` on that object's page alone. Here each store is put
to it as well, and the rows of refused stores fall out of the queryset that lists, searches,
actions, exports, autocompletes and pages all start from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from pandabase_django.models import Store

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

__all__ = ["ByStoreMixin", "hidden_stores"]


class ByStoreMixin(_ModelAdmin):
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
    if type(model_admin).has_view_permission is admin.ModelAdmin.has_view_permission:
        return []  # Django's own does not look at the object.
    path = model_admin.store_lookup.split("__") if model_admin.store_lookup else []
    return [
        store.pk
        for store in Store.objects.order_by("pk")
        if not model_admin.has_view_permission(request, _blank_row(model_admin.model, path, store))
    ]


def _blank_row(model: type[Model], path: list[str], store: Store) -> Model:
    """An unsaved row of the store."""
    if not path:
        return store
    name, *rest = path
    related = model._meta.get_field(name).related_model
    assert isinstance(related, type)  # noqa: S101  a relation, by the attribute's contract
    return model(**{name: _blank_row(related, rest, store)})
