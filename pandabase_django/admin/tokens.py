"""API tokens: add, test, switch, disable. A token is retired, never deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from pandabase_django.admin.buttons import Button
from pandabase_django.admin.display import badge, health_tone
from pandabase_django.admin.filters import StoreFilter
from pandabase_django.admin.page import PandabaseAdmin
from pandabase_django.admin.permission_grid import by_code, grid_of
from pandabase_django.admin.token_forms import AddTokenForm, ChangeTokenForm
from pandabase_django.admin.token_secret import TokenSecretMixin
from pandabase_django.exceptions import PandabaseError
from pandabase_django.models import ApiToken
from pandabase_django.services.blast import blast_radius
from pandabase_django.services.connection import (
    activate_token,
    declare_permissions,
    retire_token,
    test_connection,
)
from pandabase_django.services.diagnosis import diagnose
from pandabase_django.services.verification import verify_permissions

__all__ = ["ApiTokenAdmin"]


def _test(model_admin: ApiTokenAdmin, request: HttpRequest, token: ApiToken) -> None:
    report = test_connection(token)
    text = f"{report.message} ({report.milliseconds} ms)"
    model_admin.message_user(request, text, messages.SUCCESS if report.ok else messages.ERROR)


def _verify(model_admin: ApiTokenAdmin, request: HttpRequest, token: ApiToken) -> None:
    try:
        seen = verify_permissions(token)
    except PandabaseError as error:
        messages.error(request, str(error))
        return
    parts = [
        gettext("%(count)d readable resources are granted.") % {"count": len(seen.granted)},
        gettext("Denied: %(codes)s.") % {"codes": ", ".join(seen.denied)} if seen.denied else "",
        gettext("Could not be tried: %(codes)s.") % {"codes": ", ".join(seen.unasked)}
        if seen.unasked
        else "",
        seen.error,
    ]
    level = messages.ERROR if seen.error else messages.SUCCESS
    messages.add_message(request, level, " ".join(filter(None, parts)))


def _report(model_admin: ApiTokenAdmin, request: HttpRequest, token: ApiToken) -> None:
    try:
        diagnosis = diagnose(token)
    except PandabaseError as error:
        messages.error(request, str(error))
        return
    # Kept for the page that follows, so that reloading it asks the remote nothing again.
    request.session[_report_key(token)] = {
        "at": date_format(localtime(), "DATETIME_FORMAT"),
        "lines": [asdict(line) for line in diagnosis.lines],
    }
    if diagnosis.ok:
        messages.success(request, gettext("Nothing stands in the way of this token's requests."))
    else:
        messages.error(request, gettext("The report names what is wrong."))


def _report_key(token: ApiToken) -> str:
    return f"pandabase_report_{token.pk}"


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
class ApiTokenAdmin(TokenSecretMixin, PandabaseAdmin):
    """The list shows a hint of each secret; no page shows more."""

    list_display = ("name", "of_store", "mode", "role", "state", "secret_hint", "last_used_at")
    list_filter = ("role", "mode", "health", StoreFilter)
    search_fields = ("name", "token_id", "=store__id")
    actions = ("rotate_secret",)
    above = (
        "admin/pandabase/apitoken/summary.html",
        "admin/pandabase/rotation/token_panel.html",
        "admin/pandabase/apitoken/report.html",
    )
    below = ("admin/pandabase/apitoken/permissions.html",)
    buttons = (
        Button(
            "test",
            _("Test connection"),
            "pandabase.test_apitoken",
            _test,
            lambda token: token.is_usable,
            waits=True,
        ),
        Button(
            "verify",
            _("Verify permissions"),
            "pandabase.test_apitoken",
            _verify,
            lambda token: token.is_usable,
            waits=True,
        ),
        Button(
            "report",
            _("Connection report"),
            "pandabase.test_apitoken",
            _report,
            lambda token: token.is_usable,
            waits=True,
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
    readonly_on_change = ("store", "token_id", "base_url", "secret_set_at", "added_at")

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
            "report": request.session.get(_report_key(obj)),
            "rows": rows,
            "others": others,
            "may_change": self.has_change_permission(request, obj),
        }

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(
            request, obj, change, form=ChangeTokenForm if change else AddTokenForm, **kwargs
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        permissions = (_("Permissions"), {"fields": ("preset", "declared", "other")})
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
        return badge(token.get_health_display(), tone=health_tone(token.health))
