"""What every admin class of this app has in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.banner import rotation_notices
from pandabase_django.admin.buttons import ButtonsMixin
from pandabase_django.admin.scope import ByStoreMixin

__all__ = ["PandabaseAdmin", "ReadOnlyAdmin"]


class PandabaseAdmin(ButtonsMixin, ByStoreMixin):
    """Rows of visible stores, buttons, and panels above and below an object's form.

    ``above`` and ``below`` name templates; what they show comes from ``panel_context``.
    """

    why_read_only: str | Promise = ""
    above: Sequence[str] = ()
    below: Sequence[str] = ()

    class Media:
        css = {"all": ["pandabase/admin.css", "pandabase/themes.css"]}
        js = ["pandabase/live.js", "pandabase/page.js"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing of this app is deleted by hand: histories hang on every row."""
        return False

    @admin.display(description=_("store"), ordering="store_id")
    def of_store(self, row: Any) -> str:
        """The column ``store_id`` of a list; Django gives that one no translated heading."""
        return str(row.store_id)

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the panels of this object's page show."""
        return {}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        notices = rotation_notices(self.admin_site, request)
        context = {"pandabase_notices": notices, **(extra_context or {})}
        return super().changelist_view(request, context)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        context["pandabase_notices"] = rotation_notices(self.admin_site, request, besides=obj)
        if obj is not None:
            context |= {
                "pandabase_note": self.why_read_only,
                "pandabase_above": self.above,
                "pandabase_below": self.below,
                **self.panel_context(request, obj),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)


class ReadOnlyAdmin(PandabaseAdmin):
    """Can be viewed by whoever may view it, and changed by nobody."""

    actions: Any = None

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
