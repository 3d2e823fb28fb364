"""The page on which a person confirms a token of another environment for this one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext

from pandabase_django.admin.base.links import admin_url, change_url
from pandabase_django.admin.base.nonces import ConfirmedForm
from pandabase_django.admin.base.page import PandabaseAdmin
from pandabase_django.conf import conf
from pandabase_django.exceptions import StateConflict
from pandabase_django.models import ApiToken
from pandabase_django.services.tokens.holding import confirm_token, is_foreign, waits_for

__all__ = ["CONFIRM", "ConfirmTokenMixin"]

CONFIRM = "pandabase.confirm_apitoken"


class ConfirmTokenMixin(PandabaseAdmin):
    """Adds the page, and says on the token's own page why the token is not used."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.confirm_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_confirm"
        return [path("<path:object_id>/confirm/", view, name=name), *super().get_urls()]

    def has_confirm_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether a token may be confirmed for this environment."""
        return self._granted(request, CONFIRM, obj)

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        foreign = obj.is_usable and is_foreign(obj)
        may = foreign and self.may(request, CONFIRM, obj)
        return {
            **super().panel_context(request, obj),
            "is_foreign": foreign,
            "environment_here": conf.environment,
            "confirm_url": admin_url(self.admin_site, "pandabase_apitoken_confirm", obj.pk)
            if may
            else "",
        }

    def confirm_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say what waits for the token, and let it be used."""
        token: ApiToken | None = self.get_object(request, unquote(object_id))
        if not self.may(request, CONFIRM, token):
            raise PermissionDenied
        if token is None or not token.is_usable:
            raise Http404
        shown = ["confirm", token.pk, token.environment, conf.environment]
        posted = request.POST if request.method == "POST" else None
        form = ConfirmedForm(posted, user=request.user, shown=shown)
        page = HttpResponseRedirect(change_url(self.admin_site, "apitoken", token.pk))
        if not is_foreign(token):
            messages.info(request, gettext("This token is used here already."))
            return page
        if form.is_bound and form.is_spent:
            messages.warning(request, gettext("Nothing was done: this form was sent before."))
            return page
        if form.is_bound and form.is_valid():
            try:
                confirm_token(token)
            except StateConflict as error:
                messages.error(request, error.message)
                return page
            self.log_change(request, token, f"Confirmed for the environment {conf.environment!r}.")
            messages.success(request, gettext("The token is used here from now on."))
            return page
        return self.form_page(
            request,
            token,
            "admin/pandabase/apitoken/confirm.html",
            gettext("Use %(token)s here") % {"token": token.name},
            form=form,
            here=conf.environment,
            # What waits needs the active token.
            waits=waits_for(token.store_id) if token.is_active else [],
        )
