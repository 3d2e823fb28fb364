"""“Save and sync” on the page that adds a token: a new store needs not wait for the schedule."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from pandabase_django.admin.base.enqueue import start_sync
from pandabase_django.admin.base.rights import RightsMixin
from pandabase_django.models import ApiToken
from pandabase_django.services.tokens.roles import active_token

__all__ = ["FirstSyncMixin"]

RUN_SYNC = "pandabase.run_sync"
BUTTON_NAME = "_sync"


class FirstSyncMixin(RightsMixin):
    """Adds the button for whoever may sync stores; the saved token's own is asked about again."""

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        context["pandabase_save_and_sync"] = add and self.may(request, RUN_SYNC)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        answer = super().response_add(request, obj, post_url_continue)
        if BUTTON_NAME in request.POST:
            self._sync(request, obj)
        return answer

    def _sync(self, request: HttpRequest, token: ApiToken) -> None:
        if not self.may(request, RUN_SYNC, token):
            messages.warning(request, gettext("No sync was started: you may not sync this store."))
        elif active_token(token.store_id) is None:
            text = gettext("No sync was started: make a token of this store active first.")
            messages.warning(request, text)
        else:
            start_sync(request, token.store)
