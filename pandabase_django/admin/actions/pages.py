"""The pages that ask for an action: below the page of what it is done to.

A page records what is asked and hands it to the workers after the commit: none sends a request
that changes anything. Where the remote is to be asked first, such as for the next invoice, that is
a step of its own, by POST: opening a page sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.actions.forms import ActionForm
from pandabase_django.admin.actions.texts import TONES, who_asked
from pandabase_django.admin.base.display import badge, moment
from pandabase_django.admin.base.links import admin_url, change_url, model_name_of
from pandabase_django.admin.base.page import PandabaseAdmin
from pandabase_django.admin.base.rights import may_view
from pandabase_django.admin.base.scope import visible_rows
from pandabase_django.database import transaction
from pandabase_django.exceptions import ActionError, ActionInProgress
from pandabase_django.models import RemoteAction
from pandabase_django.services.actions.asking import problem_of
from pandabase_django.services.actions.kinds import Kind

__all__ = ["ActionPage", "ActionsMixin"]

ACTIONS_SHOWN = 5
_NOTHING_DONE = _(
    "Nothing was done: this form was sent before, is older than an hour, or the object has "
    "changed since it was opened. This is its state now."
)
Fact = tuple[str | Promise, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPage:
    """One action on a row's page.

    Attributes:
        name: Last part of its URL.
        kind: What is done.
        label: What its button says.
        submit_label: What the confirmation's button says.
        ask: Records it: called with the row, and the form's arguments as keywords.
        facts: What its page shows of the row, as names and values.
        consequences: What it does, in sentences.
        form: What is asked.
        preview: Asks the remote for what a person must see first; adds to the page's context.
        preview_label: What the button says that asks.
    """

    name: str
    kind: Kind
    label: str | Promise
    submit_label: str | Promise
    ask: Callable[..., RemoteAction]
    facts: Callable[[Any], Sequence[Fact]]
    consequences: Callable[[Any], Sequence[str | Promise]]
    form: type[ActionForm] = ActionForm
    preview: Callable[[Any], dict[str, Any]] | None = None
    preview_label: str | Promise = ""


class ActionsMixin(PandabaseAdmin):
    """Adds the pages of ``action_pages``, their links, and what was asked of a row before."""

    why_read_only: str | Promise = _(
        "This is a copy of what Pandabase has. The buttons act at Pandabase, and the copy follows."
    )
    action_pages: Sequence[ActionPage] = ()

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{page.name}/",
                self.admin_site.admin_view(
                    transaction.non_atomic_requests(partial(self._action_view, page))
                ),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{page.name}",
            )
            for page in self.action_pages
        ]
        return [*own, *super().get_urls()]

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        links = [
            (page.label, self._page_url(page, obj))
            for page in self.action_pages
            if self.may(request, page.kind.permission, obj)
            and obj.gone_at is None
            and not problem_of(page.kind, obj)
        ]
        rows = visible_rows(self.admin_site, request, RemoteAction)
        asked = rows.filter(store=obj.store_id, object_id=obj.pk).select_related("asked_by")
        return {
            **super().panel_context(request, obj),
            "pandabase_links": links,
            "asked_actions": [
                {
                    "what": action.get_what_display(),
                    "url": change_url(self.admin_site, "remoteaction", action.pk),
                    "state": badge(
                        action.get_state_display(), tone=TONES[RemoteAction.State(action.state)]
                    ),
                    "who": who_asked(action),
                    "at": moment(action.asked_at),
                }
                for action in asked[:ACTIONS_SHOWN]
            ],
        }

    def _action_view(self, page: ActionPage, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if not self.may(request, page.kind.permission, row):
            raise PermissionDenied
        if row is None:
            raise Http404
        form = page.form(
            request.POST if request.method == "POST" else None, row=row, user=request.user
        )
        previewed: dict[str, Any] | None = None if page.preview else {}
        if form.is_bound:
            if form.is_spent:
                messages.warning(request, _NOTHING_DONE)
                if form.was_followed:
                    return self._show(request, row, RemoteAction.objects.of(row).first())
                form = form.shown_anew()
            elif form.is_valid():
                if page.preview and "preview" in request.POST:
                    previewed = page.preview(row)
                elif (answer := self._ask(page, request, row, form)) is not None:
                    return answer
        open_action = RemoteAction.objects.open().of(row).first()
        problem = problem_of(page.kind, row)
        return self.form_page(
            request,
            row,
            "admin/pandabase/actions/ask.html",
            f"{page.kind.what.label}: {row}",
            form=form,
            back_label=gettext("Go back"),  # "Cancel" would be one of the actions
            facts=page.facts(row),
            consequences=page.consequences(row),
            submit_label=page.submit_label,
            preview_label=page.preview_label if previewed is None else "",
            problem=problem,
            open_action=open_action,
            open_action_url=open_action
            and change_url(self.admin_site, "remoteaction", open_action.pk),
            **(previewed or {}),
        )

    def _ask(
        self, page: ActionPage, request: HttpRequest, row: Any, form: ActionForm
    ) -> HttpResponse | None:
        try:
            # Recorded and enqueued as one: no page is left between them.
            with transaction.atomic():
                action = page.ask(row, by=request.user, **form.arguments)
                self.log_change(request, row, f"Asked for: {page.kind.what}.")
        except ActionInProgress as error:
            messages.warning(request, str(error))
            found = RemoteAction.objects.filter(pk=error.action_id).first()
            return self._show(request, row, found)
        except ActionError as error:
            form.add_error(None, str(error))
            return None
        if RemoteAction.objects.filter(pk=action.pk, enqueued_at=None, sent_at=None).exists():
            text = gettext(
                "The action is recorded, but the broker does not answer: no worker knows of it, "
                "and nothing was sent to Pandabase. The schedule hands it on when the broker is "
                "back. Nothing is sent twice."
            )
            messages.error(request, text)
        else:
            messages.success(request, gettext("The action was handed to the workers."))
        return self._show(request, row, action)

    def _show(self, request: HttpRequest, row: Any, action: RemoteAction | None) -> HttpResponse:
        """Lead to an action, or to its object for who may not see actions."""
        if action is not None and may_view(self.admin_site, request, action):
            return HttpResponseRedirect(change_url(self.admin_site, "remoteaction", action.pk))
        return HttpResponseRedirect(change_url(self.admin_site, model_name_of(row), row.pk))

    def _page_url(self, page: ActionPage, row: Any) -> str:
        name = f"pandabase_{model_name_of(row)}_{page.name}"
        return admin_url(self.admin_site, name, row.pk)
