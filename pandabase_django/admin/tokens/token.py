"""API tokens: add, test, switch, disable. A token is retired, never deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from pandabase_django.admin.base.display import badge, health_tone, with_quiet
from pandabase_django.admin.base.filters import StoreFilter
from pandabase_django.admin.base.page import PandabaseAdmin, without_empty
from pandabase_django.admin.base.scope import blank_row_of, may_add_to
from pandabase_django.admin.sync.first_sync import FirstSyncMixin
from pandabase_django.admin.tokens.buttons import BUTTONS, report_key
from pandabase_django.admin.tokens.confirm_page import ConfirmTokenMixin
from pandabase_django.admin.tokens.forms import AddTokenForm, ChangeTokenForm
from pandabase_django.admin.tokens.permission_grid import by_code, grid_of
from pandabase_django.admin.tokens.secret_pages import ROTATE, TokenSecretMixin
from pandabase_django.database import transaction
from pandabase_django.exceptions import ConfigurationError, PandabaseError
from pandabase_django.models import ApiToken
from pandabase_django.services.tokens.connection import (
    add_token,
    declare_permissions,
)
from pandabase_django.services.tokens.impact import blast_radius

__all__ = ["ApiTokenAdmin"]

READONLY_ON_CHANGE = (
    "store_link",
    "token_id",
    "base_url",
    "secret_set_at",
    "environment",
    "added_at",
)


_REFUSED = "_pandabase_refused"


class _Refused(Exception):
    """The service refused a new token: its page is shown again and says why."""


@admin.register(ApiToken)
class ApiTokenAdmin(FirstSyncMixin, ConfirmTokenMixin, TokenSecretMixin, PandabaseAdmin):
    """The list shows a hint of each secret; no page shows more."""

    called_by_store = True
    when_empty = _("No token yet. Make one in the Pandabase dashboard, then add it here.")
    list_display = ("name_and_store", "state", "role", "last_used_at", "secret_hint", "mode")
    list_filter = ("role", "mode", "health", StoreFilter)
    search_fields = ("name", "token_id", "=store__id")
    actions = ("rotate_secret",)
    above = (
        "admin/pandabase/apitoken/environment.html",
        "admin/pandabase/apitoken/summary.html",
        "admin/pandabase/rotation/token_panel.html",
        "admin/pandabase/apitoken/report.html",
    )
    below = ("admin/pandabase/apitoken/permissions.html",)
    buttons = BUTTONS

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        observed = by_code(obj)
        rows, others = grid_of({code for code, row in observed.items() if row.declared}, observed)
        age = (timezone.now() - obj.secret_set_at).days if obj.secret_set_at else 0
        policy = obj.rotate_after_days if obj.secret_set_at else None
        return {
            **super().panel_context(request, obj),
            "tone": health_tone(obj.health),
            "age_days": age,
            "rotation_days": policy,
            "overdue_days": max(0, age - policy) if policy else 0,
            "blast": blast_radius(obj),
            "report": request.session.get(report_key(obj)),
            "rows": rows,
            "others": others,
            "may_change": self.has_change_permission(request, obj),
        }

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(
            request, obj, change, form=ChangeTokenForm if change else AddTokenForm, **kwargs
        )
        if not change:
            form.refused = getattr(request, _REFUSED, "")
            form.may_add = lambda _form, store: may_add_to(self, request, store)
            form.may_rotate = lambda _form, store: self.may(
                request, ROTATE, blank_row_of(self, store)
            )
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        permissions = (_("Permissions"), {"fields": ("preset", "declared", "other")})
        if obj is None:
            fields = [
                "store_id",
                "name",
                "mode",
                "token_id",
                "new_secret",
                "api_url",
                "rotate_after_days",
                "test",
            ]
            if not self.may(request, ROTATE):
                fields.remove("rotate_after_days")
            return ((None, {"fields": fields}), permissions)
        own = (None, {"fields": ("name", *READONLY_ON_CHANGE, "rotate_after_days")})
        if not self.has_change_permission(request, obj):
            return without_empty(self, (own,), obj)
        shown = self.get_readonly_fields(request, obj)
        edited = {"name", "rotate_after_days", *permissions[1]["fields"]}.difference(shown)
        return without_empty(self, (own, permissions), obj, keep=edited)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        if obj is None:
            return ()
        # Setting when a secret is rotated is to rotate it, by the next schedule.
        return (
            READONLY_ON_CHANGE
            if self.may(request, ROTATE, obj)
            else (*READONLY_ON_CHANGE, "rotate_after_days")
        )

    @method_decorator(transaction.non_atomic_requests)
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Outside ``ATOMIC_REQUESTS``: the test of the credential waits for the network."""
        return super().add_view(request, form_url, extra_context)

    @method_decorator([sensitive_post_parameters("secret"), csrf_protect])
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if object_id is None:
            # Nor inside Django's own transaction of this view.
            view: Callable[..., HttpResponse] = self._changeform_view  # type: ignore[attr-defined]
            try:
                return view(request, object_id, form_url, extra_context)
            except _Refused as error:
                setattr(request, _REFUSED, str(error))
                return view(request, object_id, form_url, extra_context)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Let the service test and store a new token, or change the row of an old one.

        Raises:
            _Refused: The service refuses the new token.
        """
        if change:
            super().save_model(request, obj, form, change)
            if not {"preset", "declared", "other"}.isdisjoint(form.changed_data):
                declare_permissions(obj, form.codes())
            return
        data = form.cleaned_data
        try:
            added = add_token(
                store_id=data["store_id"],
                mode=data["mode"],
                secret=data["new_secret"],
                token_id=data["token_id"],
                name=data["name"],
                permissions=form.codes(),
                base_url=data["api_url"],
                rotate_after_days=data.get("rotate_after_days"),
                test=data["test"],
            )
        except (ValueError, PandabaseError, ConfigurationError) as error:
            raise _Refused(str(error)) from None
        # The row by the page's own model, which may be a proxy.
        obj.pk, obj._state.adding = added.pk, False
        obj.refresh_from_db()

    @admin.display(description=_("name"), ordering="name")
    def name_and_store(self, token: ApiToken) -> str:
        return with_quiet(token.name, token.store)

    @admin.display(description=_("health"), ordering="health")
    def state(self, token: ApiToken) -> str:
        return badge(token.get_health_display(), tone=health_tone(token.health))
