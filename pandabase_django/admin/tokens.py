"""API tokens: add, test, switch, disable. A token is retired, never deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from pandabase_django.admin.buttons import Button
from pandabase_django.admin.display import badge
from pandabase_django.admin.page import PandabaseAdmin
from pandabase_django.admin.token_forms import AddTokenForm, ChangeTokenForm
from pandabase_django.models import ApiToken
from pandabase_django.services.connection import (
    activate_token,
    declare_permissions,
    retire_token,
    test_connection,
)

__all__ = ["ApiTokenAdmin"]

TONES = {"OK": "good", "SUSPECT": "bad"}


def _test(model_admin: ApiTokenAdmin, request: HttpRequest, token: ApiToken) -> None:
    report = test_connection(token)
    text = f"{report.message} ({report.milliseconds} ms)"
    model_admin.message_user(request, text, messages.SUCCESS if report.ok else messages.ERROR)


def _retire(model_admin: ApiTokenAdmin, request: HttpRequest, token: ApiToken) -> None:
    retire_token(token)
    model_admin.log_change(request, token, "Disabled.")
    text = _("The token is disabled. Revoke it in the Pandabase dashboard as well.")
    model_admin.message_user(request, text, messages.SUCCESS)


def _activate(model_admin: ApiTokenAdmin, request: HttpRequest, token: ApiToken) -> None:
    activate_token(token)
    model_admin.log_change(request, token, "Made active.")
    model_admin.message_user(request, _("The store is called with this token now."))


@admin.register(ApiToken)
class ApiTokenAdmin(PandabaseAdmin):
    """The list shows a hint of each secret; no page shows more."""

    list_display = ("name", "store_id", "mode", "role", "state", "secret_hint", "last_used_at")
    list_filter = ("role", "mode", "health")
    search_fields = ("name", "token_id", "=store__id")
    actions = None
    buttons = (
        Button(
            "test",
            _("Test connection"),
            "pandabase.test_apitoken",
            _test,
            lambda token: token.is_usable,
        ),
        Button(
            "activate",
            _("Make active"),
            "pandabase.change_apitoken",
            _activate,
            lambda token: token.role != ApiToken.Role.ACTIVE,
        ),
        Button(
            "disable",
            _("Disable"),
            "pandabase.change_apitoken",
            _retire,
            lambda token: token.is_usable,
        ),
    )
    readonly_on_change = (
        "store",
        "mode",
        "token_id",
        "base_url",
        "role",
        "state",
        "health_reason",
        "secret_hint",
        "secret_version",
        "secret_set_at",
        "last_tested_at",
        "last_used_at",
        "added_at",
    )

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(
            request, obj, change, form=ChangeTokenForm if change else AddTokenForm, **kwargs
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        permissions = (_("Permissions"), {"fields": ("declared", "other")})
        if obj is None:
            fields = (
                "store_id",
                "name",
                "mode",
                "token_id",
                "new_secret",
                "api_url",
                "rotate_after_days",
                "test",
            )
            return ((None, {"fields": fields}), permissions)
        own = (None, {"fields": ("name", *self.readonly_on_change, "rotate_after_days")})
        if not self.has_change_permission(request, obj):
            return (own,)
        return (own, permissions)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        return () if obj is None else self.readonly_on_change

    @method_decorator([sensitive_post_parameters("new_secret"), csrf_protect])
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if object_id is None:
            # The test of the credential waits for the network: no transaction may wait with it.
            view: Callable[..., HttpResponse] = self._changeform_view  # type: ignore[attr-defined]
            return view(request, object_id, form_url, extra_context)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A new token was saved by the service that tested it."""
        if change:
            obj.save(update_fields=["name", "rotate_after_days"])
            declare_permissions(obj, form.codes())

    @admin.display(description=_("health"), ordering="health")
    def state(self, token: ApiToken) -> str:
        return badge(token.get_health_display(), tone=TONES.get(token.health, "quiet"))
