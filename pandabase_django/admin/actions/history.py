"""Actions: their history, and for each what happened, what it means and what to do next."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.actions.asked import asked_texts
from pandabase_django.admin.actions.forms import SettleForm
from pandabase_django.admin.actions.texts import TONES, explain, who_asked
from pandabase_django.admin.base.display import EMPTY, badge, moment, with_store
from pandabase_django.admin.base.export import ExportMixin
from pandabase_django.admin.base.filters import StoreFilter
from pandabase_django.admin.base.links import admin_url, change_url, link
from pandabase_django.admin.base.lists import PrefixSearchMixin
from pandabase_django.admin.base.live import LiveMixin, LiveState
from pandabase_django.admin.base.page import ReadOnlyAdmin
from pandabase_django.admin.base.rights import admin_of
from pandabase_django.database import transaction
from pandabase_django.exceptions import ActionError
from pandabase_django.models import Refund, RemoteAction
from pandabase_django.services.actions.registry import kind_of
from pandabase_django.services.actions.settling import settle_by_hand, settleable_by_hand

__all__ = ["RemoteActionAdmin"]

State = RemoteAction.State


@admin.register(RemoteAction)
class RemoteActionAdmin(LiveMixin, PrefixSearchMixin, ExportMixin, ReadOnlyAdmin):
    """What was asked of Pandabase after a sale. Rows come from the pages of orders and so on."""

    why_read_only = _("This is the record of an action. Nobody can change it, nor delete it.")
    when_empty = _(
        "Nothing has been asked for yet. Pages of orders, disputes and subscriptions have the "
        "buttons."
    )
    list_display = ("name", "state_badge", "who", "why", "asked")
    list_filter = ("state", "what", StoreFilter)
    list_select_related = ("asked_by",)
    list_per_page = 50
    sortable_by = ()
    search_help_text = _("A whole id of an order, dispute, subscription or refund.")
    search_fields = ("object_id", "result_id", "request_id")
    above = ("admin/pandabase/actions/outcome.html",)
    export_columns = (
        "id",
        ("store", lambda row: row.store_id),
        "what",
        "object_id",
        "state",
        "settled_by",
        ("user", lambda row: row.asked_by.get_username() if row.asked_by else ""),
        "reason",
        "asked_at",
        "sent_at",
        "closed_at",
        "result_id",
        "request_id",
        "outcome",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("object_link", "of_store"),
                    "parameters_shown",
                    "reason",
                    ("user_shown", "settled_by"),
                    ("made", "tries"),
                    ("http_status", "request_id"),
                )
            },
        ),
        (
            _("Times"),
            {
                "fields": (
                    ("asked_at", "sent_at"),
                    ("looked_at", "watch_until"),
                    ("closed_at", "rows_read_at"),
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[RemoteAction]:
        rows: QuerySet[RemoteAction] = super().get_queryset(request)
        return rows.select_related("asked_by")

    def get_urls(self) -> list[URLPattern]:
        settle = path(
            "<path:object_id>/settle/",
            self.admin_site.admin_view(self.settle_view),
            name="pandabase_remoteaction_settle",
        )
        return [settle, *super().get_urls()]

    def may_settle(self, request: HttpRequest, action: RemoteAction | None) -> bool:
        """Whether a person may say what became of an action: who may ask for it may."""
        if action is None or not self.has_view_permission(request, action):
            return False
        kind = kind_of(action.what)
        if not self._granted(request, kind.permission, action):
            return False
        owner = admin_of(self.admin_site, kind.model)
        row = kind.model._default_manager.filter(pk=action.object_id, store=action.store_id)
        found = row.first()
        if owner is None or found is None:
            return True
        return bool(owner.may(request, kind.permission, found))

    def live_state(self, request: HttpRequest, obj: Any) -> LiveState:
        shown = explain(obj)
        return LiveState(
            open=_moves(obj),
            texts={
                "state": obj.get_state_display(),
                "headline": shown.headline,
                "happened": shown.happened,
                "means": shown.means,
                "next": shown.next_step,
            },
        )

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        settleable = settleable_by_hand(obj) and self.may_settle(request, obj)
        return {
            **super().panel_context(request, obj),
            "explanation": explain(obj),
            "title": str(obj),
            "subtitle": obj.object_id,
            "state_tone": TONES[State(obj.state)],
            "pandabase_live_url": self.live_url(obj) if _moves(obj) else "",
            "settle_form": SettleForm(action=obj, user=request.user) if settleable else None,
            "settle_url": admin_url(self.admin_site, "pandabase_remoteaction_settle", obj.pk),
        }

    @method_decorator(transaction.non_atomic_requests)
    def settle_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a person's word for what became of an action."""
        action: RemoteAction | None = self.get_object(request, unquote(object_id))
        if not self.may_settle(request, action):
            raise PermissionDenied
        if action is None:
            raise Http404
        back = HttpResponseRedirect(change_url(self.admin_site, "remoteaction", action.pk))
        if request.method != "POST":
            return back
        form = SettleForm(request.POST, action=action, user=request.user)
        known = gettext("Nothing was done: by now it is known what became of it.")
        if form.is_spent or not settleable_by_hand(action):
            messages.warning(request, known)
            return back
        if not form.is_valid():
            messages.error(request, gettext("Say what you saw, and how you know."))
            return back
        try:
            settled = settle_by_hand(
                action,
                kind=kind_of(action.what),
                happened=form.cleaned_data["happened"] == "yes",
                reason=form.cleaned_data["reason"],
            )
        except ActionError as error:
            messages.error(request, str(error))
            return back
        if not settled:
            messages.warning(request, known)
        else:
            self.log_change(request, action, "Said what became of it.")
            messages.success(request, gettext("Noted. The copy here is read again."))
        return back

    @admin.display(description=_("action"))
    def name(self, action: RemoteAction) -> str:
        return with_store(action, action.get_what_display(), action.object_id)

    @admin.display(description=_("state"), ordering="state")
    def state_badge(self, action: RemoteAction) -> str:
        return badge(action.get_state_display(), tone=TONES[State(action.state)])

    @admin.display(description=_("who"))
    def who(self, action: RemoteAction) -> str:
        return who_asked(action)

    @admin.display(description=_("user"))
    def user_shown(self, action: RemoteAction) -> str:
        return self.who(action)

    @admin.display(description=_("why"))
    def why(self, action: RemoteAction) -> str:
        return format_html(
            '<span class="pandabase-text">{}</span>', Truncator(action.reason).chars(120)
        )

    @admin.display(description=_("asked for"), ordering="asked_at")
    def asked(self, action: RemoteAction) -> str:
        return moment(action.asked_at)

    @admin.display(description=_("object"))
    def object_link(self, action: RemoteAction) -> str:
        model = kind_of(action.what).model
        rows = model._default_manager.filter(pk=action.object_id, store=action.store_id)
        row = rows.first()
        return link(self.admin_site, row, row.pk) if row is not None else action.object_id

    @admin.display(description=_("made"))
    def made(self, action: RemoteAction) -> str:
        if not action.result_id:
            return EMPTY
        row = Refund.objects.filter(pk=action.result_id, store=action.store_id).first()
        return link(self.admin_site, row, row.pk) if row is not None else action.result_id

    @admin.display(description=_("asked with"))
    def parameters_shown(self, action: RemoteAction) -> str:
        # The words about a customer are for who may see the dispute, and on its own pages.
        lines = format_html_join("", "<li>{}</li>", ((text,) for text in asked_texts(action)))
        return format_html('<ul class="pandabase-plain">{}</ul>', lines) if lines else EMPTY


def _moves(action: RemoteAction) -> bool:
    """Workers or time go on with it soon."""
    return action.is_open or action.next_attempt_at is not None
