"""What the pages of all mirrored rows share: they are read, never written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django import tasks
from pandabase_django.admin.base.buttons import Button
from pandabase_django.admin.base.display import badge, payload
from pandabase_django.admin.base.enqueue import hand_over
from pandabase_django.admin.base.export import ExportMixin
from pandabase_django.admin.base.links import model_name_of
from pandabase_django.admin.base.lists import PrefixSearchMixin
from pandabase_django.admin.base.page import ReadOnlyAdmin
from pandabase_django.admin.mirror.changes import (
    CHANGES_PER_PAGE,
    changes_of,
    changes_of_row,
    shown,
)
from pandabase_django.models import MirrorRow

if TYPE_CHECKING:
    _Inline = admin.TabularInline[Any, Any]
else:
    _Inline = admin.TabularInline

__all__ = ["OF_THIS_COPY", "REFRESH", "MirrorAdmin", "MirrorInline"]


def _refresh(model_admin: MirrorAdmin, request: HttpRequest, row: MirrorRow) -> None:
    hand_over(
        request,
        tasks.refresh_row,
        model_name_of(row),
        row.pk,
        message=gettext(
            "A worker reads it from Pandabase now. Reload this page in a moment. If Pandabase does "
            "not find it, nothing changes here: the next sync decides whether it is gone."
        ),
        user_id=request.user.pk,
    )


REFRESH = Button("refresh", _("Refresh this one"), "pandabase.run_sync", _refresh)


# At the end of each row's page: what is ours and not the remote's.
OF_THIS_COPY = (("first_seen_at", "synced_at"), ("there", "gone_at"), "payload_as_received")


class MirrorAdmin(PrefixSearchMixin, ExportMixin, ReadOnlyAdmin):
    """A mirrored table."""

    why_read_only: str | Promise = _(
        "This is a copy of what Pandabase has. Change it there; the next sync follows."
    )
    when_empty: str | Promise = _(
        "Nothing has been read yet, or Pandabase has none. “Sync now” on the store's page reads "
        "it, and so does the schedule."
    )
    list_per_page = 50
    below: Sequence[str] = ("admin/pandabase/last_changes.html",)

    def children_of(self, row: Any) -> Sequence[MirrorRow]:
        """Rows shown on this row's page, whose changes are shown there too."""
        return ()

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        changes = changes_of_row(self.admin_site, request, obj, children=self.children_of(obj))
        return {"changes": changes, "with_cause": True}

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What wrote this row, page by page; nobody changes it by hand, so Django knows nothing."""
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if row is None:
            raise Http404
        changes = changes_of(row, children=self.children_of(row)).select_related("run", "user")
        page = Paginator(changes.order_by("-id"), CHANGES_PER_PAGE).get_page(request.GET.get("p"))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("What changed here"),
            "subtitle": str(row),
            "opts": self.opts,
            "media": self.media,
            "original": row,
            "page": page,
            "changes": shown(self.admin_site, request, page.object_list),
            "with_cause": True,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/pandabase/all_changes.html", context)

    @admin.display(description=_("payload"))
    def payload_as_received(self, row: MirrorRow) -> str:
        return payload(row.payload)

    @admin.display(description=_("id"), ordering="id")
    def remote_id(self, row: MirrorRow) -> str:
        return format_html(
            '<span class="pandabase-copy"><code>{}</code> <button type="button" class="button" '
            'data-copy="{}" data-copied="{}" hidden>{}</button></span>',
            row.pk,
            row.pk,
            gettext("Copied"),
            gettext("Copy"),
        )

    @admin.display(description=_("at Pandabase"))
    def there(self, row: MirrorRow) -> str:
        if row.gone_at is None:
            return gettext("There")
        return badge(gettext("Gone"), tone="warn")


class MirrorInline(_Inline):
    """Rows of a parent, on the parent's page."""

    extra = 0
    can_delete = False
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Whoever may see an order may see its lines.
        return True
