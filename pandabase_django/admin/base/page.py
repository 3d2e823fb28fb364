"""What every admin class of this app has in common."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import BadRequest, ValidationError
from django.db.models import QuerySet
from django.forms import PasswordInput
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.buttons import ButtonsMixin
from pandabase_django.admin.base.display import EMPTY, store_name
from pandabase_django.admin.base.links import change_url, link, model_name_of, note_who_asks
from pandabase_django.admin.base.lists import ListWithStores, OwnLookupsMixin
from pandabase_django.admin.base.rights import asks_rules_alone
from pandabase_django.admin.base.scope import ByStoreMixin
from pandabase_django.admin.base.store_search import SEARCH_NAME
from pandabase_django.admin.rotation.banner import rotation_notices
from pandabase_django.models.stores import store_of
from pandabase_django.printable import is_storable

__all__ = ["PandabaseAdmin", "ReadOnlyAdmin", "without_empty"]

SEARCHES = (SEARCH_VAR, SEARCH_NAME)
OWN_LABEL = "pandabase"
# Django finds these by the app's label, which a shop's proxy of a model has another one of.
PAGES_BY_LABEL = (
    "change_list",
    "object_history",
    "delete_confirmation",
    "delete_selected_confirmation",
)


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


class PandabaseAdmin(ButtonsMixin, OwnLookupsMixin, ByStoreMixin):
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

    def __init__(self, model: Any, admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        label, name = self.opts.app_label, self.opts.model_name
        for page in PAGES_BY_LABEL if label != OWN_LABEL else ():
            if getattr(self, f"{page}_template") is None:
                folders = (f"admin/{label}/{name}", f"admin/{label}", f"admin/{OWN_LABEL}")
                setattr(self, f"{page}_template", [f"{folder}/{page}.html" for folder in folders])

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing of this app is deleted by hand: histories hang on every row."""
        return False

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """A form that sends what it showed as well: ``changed_data`` is what a person changed."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        # A page of the shop's own may leave that out: then what is here now counts as shown.
        if change and (request.method != "POST" or any(map(_is_initial, request.POST))):
            form.base_fields = {name: copy(field) for name, field in form.base_fields.items()}
            for field in form.base_fields.values():
                # Beside an error Django would show what was typed as what was shown.
                field.show_hidden_initial = not isinstance(field.widget, PasswordInput)
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save what was changed alone: the rest may be older than what a colleague has saved."""
        if change:
            columns = {field.name for field in obj._meta.concrete_fields}
            obj.save(update_fields=columns.intersection(form.changed_data))
        else:
            super().save_model(request, obj, form, change)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """None for an id that no row can have."""
        if not is_storable(object_id):
            return None
        return super().get_object(request, object_id, from_field)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list that an address asks for; Django asks the database before it looks at values.

        Raises:
            IncorrectLookupParameters: A value is one that no row can have.
        """
        asked = request.GET.copy()
        for name in SEARCHES:  # these drop what is unfit
            asked.pop(name, None)
        if not all(is_storable(value) for _name, values in asked.lists() for value in values):
            raise IncorrectLookupParameters
        return super().get_changelist_instance(request)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Do to the selected rows what was chosen.

        Raises:
            BadRequest: One of the ids is none; no page of ours has such a box.
        """
        for selected in request.POST.getlist(ACTION_CHECKBOX_NAME):
            if not self._may_be_an_id(selected):
                raise BadRequest("No row has such an id.")
        return super().response_action(request, queryset, *args, **kwargs)

    def _may_be_an_id(self, text: str) -> bool:
        try:
            self.opts.pk.clean(text, None)
        except ValidationError:
            return False
        return is_storable(text)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return ListWithStores

    @admin.display(description=_("store"))
    def of_store(self, row: Any) -> str:
        """The store of a row, named as a test where it is one."""
        return store_name(store_of(row))

    @admin.display(description=_("store"))
    def store_link(self, row: Any) -> str:
        """The same with a link; Django's own, of a foreign key, asks nobody's rights."""
        store = store_of(row)
        return EMPTY if store is None else link(self.admin_site, store)

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the panels of this object's page show."""
        return {}

    def form_page(
        self, request: HttpRequest, obj: Any, template: str, title: str, **context: Any
    ) -> HttpResponse:
        """A page of our own below an object's page; its template extends ``form_page.html``."""
        note_who_asks(request)
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
        note_who_asks(request)
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
        note_who_asks(request)
        context["pandabase_notices"] = rotation_notices(self.admin_site, request, besides=obj)
        if obj is not None:
            context |= {
                "pandabase_note": self.why_read_only,
                "pandabase_above": self.above,
                "pandabase_below": self.below,
                **self.panel_context(request, obj),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)


def _is_initial(name: str) -> bool:
    return name.startswith("initial-")


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
