"""What the pages of all mirrored rows share: they are read, never written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.changes import changes_of_row
from pandabase_django.admin.display import payload
from pandabase_django.admin.filters import GoneFilter
from pandabase_django.admin.page import ReadOnlyAdmin
from pandabase_django.models import MirrorRow

if TYPE_CHECKING:
    _Inline = admin.TabularInline[Any, Any]
else:
    _Inline = admin.TabularInline

__all__ = ["GoneFilter", "MirrorAdmin", "MirrorInline", "ReadOnlyAdmin"]


class MirrorAdmin(ReadOnlyAdmin):
    """A mirrored table."""

    why_read_only = _(
        "This is a copy of what Pandabase has. Change it there; the next sync follows."
    )
    show_full_result_count = False
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

    @admin.display(description=_("there"), boolean=True)
    def there(self, row: MirrorRow) -> bool:
        return row.gone_at is None


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
