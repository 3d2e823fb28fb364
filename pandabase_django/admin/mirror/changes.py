"""Which rows a run wrote, and what wrote a row last, as people read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from pandabase_django.admin.base.links import change_url, model_name_of
from pandabase_django.admin.base.rights import may_view
from pandabase_django.admin.base.scope import visible_stores
from pandabase_django.models import (
    MirrorRow,
    OrderItem,
    ProductVariant,
    RowChange,
    SyncRun,
    WebhookDelivery,
)

__all__ = ["CHANGES_PER_PAGE", "ShownChange", "changes_of", "changes_of_row", "readable", "shown"]

CHANGES_PER_PAGE = 100
# Rows without a page of their own are shown on that of their parent.
PARENTS = {
    "orderitem": (OrderItem, "order_id", "order"),
    "productvariant": (ProductVariant, "product_id", "product"),
}


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One change, ready to be shown.

    Attributes:
        what: Kind of row, for a person.
        row_id: The row.
        url: Its page.
        kind: New, changed or gone.
        columns: The columns that moved, by their names for people.
        at: When.
        by: What wrote it.
        by_url: Its page; "" when there is none, or the person may not open it.
    """

    what: str
    row_id: str
    url: str
    kind: str
    columns: str
    at: datetime
    by: str
    by_url: str


def readable(
    site: admin.AdminSite, request: HttpRequest, changes: QuerySet[RowChange]
) -> QuerySet[RowChange]:
    """The changes of rows that this person may see at all."""
    seen = Q(pk__in=[])
    for model in apps.get_app_config("pandabase").get_models():
        if not issubclass(model, MirrorRow):
            continue
        name = model._meta.model_name or ""
        parent = apps.get_model("pandabase", PARENTS.get(name, (None, "", name))[2])
        stores = visible_stores(site, request, parent)
        if stores:
            seen |= Q(model_name=name, store__in=[store.pk for store in stores])
    return changes.filter(seen)


def shown(
    site: admin.AdminSite, request: HttpRequest, changes: Iterable[RowChange]
) -> list[ShownChange]:
    """These changes for a page; costs one query for each kind of row without a page.

    What wrote them is a link for those who may open it.
    """
    found = list(changes)
    parents: dict[tuple[str, str], str] = {}
    for name, (model, column, _parent) in PARENTS.items():
        ids = [change.row_id for change in found if change.model_name == name]
        if ids:
            rows = model._default_manager.filter(pk__in=ids).values_list("pk", column)
            parents.update({(name, pk): parent or "" for pk, parent in rows})
    return [_shown(site, request, change, parents) for change in found]


def changes_of_row(
    site: admin.AdminSite,
    request: HttpRequest,
    row: MirrorRow,
    *,
    children: Sequence[MirrorRow] = (),
    limit: int = 5,
) -> list[ShownChange]:
    """What wrote a row, or one of its children, last; newest first."""
    changes = changes_of(row, children=children)
    return shown(site, request, changes.select_related("run", "user").order_by("-id")[:limit])


def changes_of(row: MirrorRow, *, children: Sequence[MirrorRow] = ()) -> QuerySet[RowChange]:
    """The writes of a row and of its children."""
    ids: dict[str, list[str]] = {}
    for one in (row, *children):
        ids.setdefault(model_name_of(one), []).append(one.pk)
    which = Q(pk__in=[])
    for name, pks in ids.items():
        which |= Q(model_name=name, row_id__in=pks)
    return RowChange.objects.filter(which, store_id=row.store_id)


def _shown(
    site: admin.AdminSite,
    request: HttpRequest,
    change: RowChange,
    parents: dict[tuple[str, str], str],
) -> ShownChange:
    name, pk = change.model_name, change.row_id
    if name in PARENTS:
        name, pk = PARENTS[name][2], parents.get((name, pk), "")
    by, by_url = _cause(site, request, change)
    return ShownChange(
        what=_name_of(change.model_name),
        row_id=change.row_id,
        url=change_url(site, name, pk) if pk else "",
        kind=change.get_kind_display(),
        columns=_columns(change),
        at=change.at,
        by=by,
        by_url=by_url,
    )


def _cause(site: admin.AdminSite, request: HttpRequest, change: RowChange) -> tuple[str, str]:
    """What wrote it, and its page."""
    if change.delivery_id:
        url = change_url(site, "webhookdelivery", change.delivery_id)
        may_open = may_view(site, request, WebhookDelivery)
        return _("Webhook delivery %(id)s") % {"id": change.delivery_id}, url if may_open else ""
    if change.run_id is not None:
        url = change_url(site, "syncrun", change.run_id)
        may_open = may_view(site, request, SyncRun)
        return _("Sync run %(id)s") % {"id": change.run_id}, url if may_open else ""
    if change.user_id is not None:
        return _("Refreshed by %(user)s") % {"user": change.user}, ""
    return _("Refreshed by hand"), ""


def _columns(change: RowChange) -> str:
    if change.kind != RowChange.Kind.CHANGED:
        return ""
    if not change.columns:
        return _("the payload alone")
    try:
        meta = apps.get_model("pandabase", change.model_name)._meta
    except LookupError:
        return ", ".join(change.columns)
    labels = {field.attname: str(field.verbose_name) for field in meta.concrete_fields}
    return ", ".join(labels.get(column, column) for column in change.columns)


def _name_of(model_name: str) -> str:
    try:
        return str(apps.get_model("pandabase", model_name)._meta.verbose_name)
    except LookupError:
        return model_name
