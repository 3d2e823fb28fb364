"""What every admin class of this app has in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.buttons import ButtonsMixin
from pandabase_django.admin.base.display import EMPTY
from pandabase_django.admin.base.links import change_url, model_name_of
from pandabase_django.admin.base.rights import asks_rules_alone
from pandabase_django.admin.base.scope import ByStoreMixin
from pandabase_django.admin.rotation.banner import rotation_notices

__all__ = ["PandabaseAdmin", "ReadOnlyAdmin", "without_empty"]


def without_empty(model_admin: Any, fieldsets: Any, obj: Any, *, keep: Any = ()) -> Any:
    """These fieldsets without fields, lines and sets that have nothing to show of a row.

    Args:
        model_admin: Whose methods show them.
        fieldsets: As Django has them.
        obj: The row; None leaves everything.
        keep: Fields that are edited.
    """
    if obj is None:
        return fieldsets

    def says_something(name: str) -> bool:
        own = getattr(model_admin, name, None)
        value = own(obj) if callable(own) else getattr(obj, name, None)
        return name in keep or value not in (None, "", EMPTY)

    kept = []
    for title, options in fieldsets:
        lines = []
        for line in options["fields"]:
            names = (line,) if isinstance(line, str) else tuple(line)
            if found := tuple(name for name in names if says_something(name)):
                lines.append(found[0] if len(found) == 1 else found)
        if lines:
            kept.append((title, {**options, "fields": tuple(lines)}))
    return kept


class PandabaseAdmin(ButtonsMixin, ByStoreMixin):
    """Rows of visible stores, buttons, and panels above and below an object's form.

    ``above`` and ``below`` name templates; what they show comes from ``panel_context``.
    ``when_empty`` says where rows come from, on a list that has none.
    """

    why_read_only: str | Promise = ""
    when_empty: str | Promise = ""
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

    def form_page(
        self, request: HttpRequest, obj: Any, template: str, title: str, **context: Any
    ) -> HttpResponse:
        """A page of our own below an object's page; its template extends ``form_page.html``."""
        return TemplateResponse(
            request,
            template,
            {
                **self.admin_site.each_context(request),
                "title": title,
                "opts": self.opts,
                "original": obj,
                "media": self.media,
                "has_view_permission": True,
                # A theme's own change form reads these as well.
                "add": False,
                "change": True,
                "is_popup": False,
                "back_url": change_url(self.admin_site, model_name_of(obj), obj.pk),
                **context,
            },
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        notices = rotation_notices(self.admin_site, request)
        context = {
            "pandabase_notices": notices,
            "pandabase_when_empty": self.when_empty,
            **(extra_context or {}),
        }
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

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without what is empty."""
        return without_empty(self, super().get_fieldsets(request, obj), obj)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return asks_rules_alone()
