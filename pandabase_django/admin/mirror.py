"""What the pages of all mirrored rows share: they are read, never written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.display import payload
from pandabase_django.admin.scope import ByStoreMixin
from pandabase_django.models import MirrorRow

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _Inline = admin.TabularInline[Any, Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _Inline = admin.TabularInline

__all__ = ["GoneFilter", "MirrorAdmin", "MirrorInline", "ReadOnlyAdmin"]


class ReadOnlyAdmin(ByStoreMixin, _ModelAdmin):
    """Can be viewed by whoever may view it, and changed by nobody."""

    actions = None
    why_read_only: str | Promise = ""

    class Media:
        css = {"all": ["pandabase/admin.css"]}

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method == "GET" and self.why_read_only:
            self.message_user(request, str(self.why_read_only), messages.INFO)
        return super().change_view(request, object_id, form_url, extra_context)


class GoneFilter(admin.SimpleListFilter):
    """Rows that stand at the remote, or tombstones."""

    title = _("at Pandabase")
    parameter_name = "gone"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("There")), ("yes", _("Gone"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(gone_at__isnull=self.value() == "no")


class MirrorAdmin(ReadOnlyAdmin):
    """A mirrored table."""

    why_read_only = _(
        "This is a copy of what Pandabase has. Change it there; the next sync follows."
    )
    show_full_result_count = False
    list_per_page = 50

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
