"""What the pages of all mirrored rows share: they are read, never written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django import tasks
from pandabase_django.admin.buttons import Button
from pandabase_django.admin.changes import changes_of_row
from pandabase_django.admin.display import badge, payload
from pandabase_django.admin.export import ExportMixin
from pandabase_django.admin.handing import hand_over
from pandabase_django.admin.lists import PrefixSearchMixin
from pandabase_django.admin.page import ReadOnlyAdmin
from pandabase_django.models import MirrorRow

if TYPE_CHECKING:
    _Inline = admin.TabularInline[Any, Any]
else:
    _Inline = admin.TabularInline

__all__ = ["REFRESH", "MirrorAdmin", "MirrorInline"]


def _refresh(model_admin: MirrorAdmin, request: HttpRequest, row: MirrorRow) -> None:
    hand_over(
        request,
        tasks.refresh_row,
        row._meta.model_name,
        row.pk,
        told=gettext("A worker reads it from Pandabase now. Reload this page in a moment."),
        user_id=request.user.pk,
    )


REFRESH = Button("refresh", _("Refresh this one"), "pandabase.run_sync", _refresh)


class MirrorAdmin(PrefixSearchMixin, ExportMixin, ReadOnlyAdmin):
    """A mirrored table."""

    why_read_only = _(
        "This is a copy of what Pandabase has. Change it there; the next sync follows."
    )
    list_per_page = 50
    below: Sequence[str] = ("admin/pandabase/last_changes.html",)

    def children_of(self, row: Any) -> Sequence[MirrorRow]:
        """Rows shown on this row's page, whose changes are told there too."""
        return ()

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        changes = changes_of_row(self.admin_site, obj, children=self.children_of(obj))
        return {"changes": changes, "with_cause": True}

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
