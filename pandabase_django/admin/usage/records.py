"""Usage records, and what a person may do with rejected ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.buttons import NOTHING_DONE, Button
from pandabase_django.admin.base.display import EMPTY, badge, moment, with_quiet, with_store
from pandabase_django.admin.base.export import ExportMixin
from pandabase_django.admin.base.filters import StoreFilter
from pandabase_django.admin.base.links import admin_url, change_url, link
from pandabase_django.admin.base.lists import PrefixSearchMixin
from pandabase_django.admin.base.page import ReadOnlyAdmin
from pandabase_django.admin.usage.forms import CorrectForm, DropForm
from pandabase_django.models import Store, UsageRecord
from pandabase_django.services.reasons import kept_reason
from pandabase_django.services.usage.corrections import correct_usage, drop_usage, resend_usage

__all__ = ["UsageRecordAdmin"]

CORRECT = "pandabase.correct_usagerecord"
State = UsageRecord.State
TONES = {
    State.PENDING: "busy",
    State.SENDING: "busy",
    State.SENT: "good",
    State.REJECTED: "bad",
    State.DROPPED: "quiet",
}
TITLES = {"correct": _("Correct usage"), "drop": _("Drop usage")}


class StateFilter(admin.SimpleListFilter):
    """By those states that few rows have: there is an index for each."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(str(state), state.label) for state in UsageRecord.UNSETTLED]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        stores = list(Store.objects.values_list("pk", flat=True))
        return queryset.filter(state=self.value(), store__in=stores)


def _is_rejected(record: UsageRecord) -> bool:
    return record.state == State.REJECTED


def _send_again(model_admin: UsageRecordAdmin, request: HttpRequest, record: UsageRecord) -> None:
    model_admin.resend(request, [record])


@admin.register(UsageRecord)
class UsageRecordAdmin(PrefixSearchMixin, ExportMixin, ReadOnlyAdmin):
    """The shop's code records usage, and a task sends it. A person settles what is rejected."""

    when_empty = _(
        "No usage has been recorded yet. The shop's own code does that, by record_usage()."
    )
    list_display = ("what", "outcome", "how_much", "used")
    list_filter = (StateFilter, StoreFilter)
    list_per_page = 50
    sortable_by = ()
    search_help_text = _("The whole id of a subscription, or an external id.")
    search_fields = ("subscription",)
    actions = ("send_again",)
    above = ("admin/pandabase/usage/record.html",)
    buttons = (Button("again", _("Send again"), CORRECT, _send_again, _is_rejected),)
    export_columns = (
        "id",
        ("store", lambda row: row.store_id),
        ("subscription", lambda row: row.subscription_id),
        "event",
        "quantity",
        "at",
        "key",
        "external_id",
        "state",
        "reason",
        "is_corrected",
        "attempts",
        "recorded_at",
        "settled_at",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("subscription_link", "of_store"),
                    ("event", "how_much"),
                    ("at", "recorded_at"),
                    ("outcome", "settled_at"),
                    ("key", "external_id"),
                    ("due_at", "attempts"),
                    ("maybe_sent", "is_corrected"),
                )
            },
        ),
    )

    def has_correct_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether rejected usage may be corrected, dropped or sent again."""
        return self._granted(request, CORRECT, obj)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(partial(self.settle_view, name=name)),
                name=f"pandabase_usagerecord_{name}",
            )
            for name in TITLES
        ]
        return [*own, *super().get_urls()]

    def search_condition(self, term: str) -> Q:
        stores = list(Store.objects.values_list("pk", flat=True))
        named = Q(external_id=term, store__in=stores)
        return super().search_condition(term) | named

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        may_settle = _is_rejected(obj) and self.may(request, CORRECT, obj)
        urls = {
            f"{name}_url": admin_url(self.admin_site, f"pandabase_usagerecord_{name}", obj.pk)
            for name in TITLES
            if may_settle
        }
        return {
            **super().panel_context(request, obj),
            "is_rejected": _is_rejected(obj),
            "state": self.outcome(obj),
            **urls,
        }

    def settle_view(self, request: HttpRequest, object_id: str, *, name: str) -> HttpResponse:
        """Show the record, ask what should be, and do it."""
        record: UsageRecord | None = self.get_object(request, unquote(object_id))
        if not self.may(request, CORRECT, record):
            raise PermissionDenied
        if record is None:
            raise Http404
        forms: dict[str, Callable[..., Any]] = {"correct": CorrectForm, "drop": DropForm}
        data = request.POST if request.method == "POST" else None
        form = forms[name](data, record=record, user=request.user)
        back = HttpResponseRedirect(change_url(self.admin_site, "usagerecord", record.pk))
        if (form.is_bound and form.is_spent) or not _is_rejected(record):
            text = gettext("Nothing was done: this record has changed. This is its state now.")
            messages.warning(request, text)
            return back
        if form.is_bound and form.is_valid():
            self._settle(request, record, name, dict(form.cleaned_data))
            return back
        return self.form_page(
            request,
            record,
            "admin/pandabase/usage/settle.html",
            str(TITLES[name]),
            form=form,
            submit_label=TITLES[name],
            facts=self._facts(record),
            is_drop=name == "drop",
        )

    def _settle(
        self, request: HttpRequest, record: UsageRecord, name: str, asked: dict[str, Any]
    ) -> None:
        reason = asked.pop("reason")
        asked.pop("nonce")
        before = f"{record.event}, {record.quantity}, {record.at.isoformat()}"
        try:
            if name == "drop":
                drop_usage(record.pk, reason=reason)
            else:
                correct_usage(record.pk, **asked)
        except ValueError as error:  # another person was faster
            messages.error(request, str(error))
            return
        # The record keeps why it was dropped, and not why it was corrected.
        done = "Dropped" if name == "drop" else f"Corrected: {kept_reason(reason)}"
        self.log_change(request, record, f"{done} (Was {before}.)")
        said = {
            "drop": gettext("Dropped: it is never billed."),
            "correct": gettext("Corrected. It is sent within a minute."),
        }
        messages.success(request, said[name])

    def resend(self, request: HttpRequest, records: list[UsageRecord]) -> None:
        """Have rejected records sent again."""
        permitted = self.permitted(request, CORRECT, [row for row in records if _is_rejected(row)])
        number = resend_usage([row.pk for row in permitted])
        if not number:
            self.message_user(request, NOTHING_DONE, messages.WARNING)
            return
        for record in permitted:
            self.log_change(request, record, "Sent again.")
        text = ngettext(
            "%(count)d usage record is sent again within a minute.",
            "%(count)d usage records are sent again within a minute.",
            number,
        )
        self.message_user(request, text % {"count": number})

    @admin.action(description=_("Send again"), permissions=["correct"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[UsageRecord]) -> None:
        self.resend(request, list(queryset))

    def _facts(self, record: UsageRecord) -> list[tuple[str, Any]]:
        return [
            (gettext("Subscription"), record.subscription_id),
            (gettext("Event"), record.event),
            (gettext("Quantity"), self.how_much(record)),
            (gettext("Used"), moment(record.at)),
            (gettext("Why it was rejected"), record.reason),
        ]

    @admin.display(description=_("usage record"))
    def what(self, record: UsageRecord) -> str:
        return with_store(record, record.event, record.subscription_id)

    @admin.display(description=_("quantity"))
    def how_much(self, record: UsageRecord) -> str:
        return str(number_format(record.quantity, use_l10n=True, force_grouping=True))

    @admin.display(description=_("used"))
    def used(self, record: UsageRecord) -> str:
        return moment(record.at)

    @admin.display(description=_("state"))
    def outcome(self, record: UsageRecord) -> str:
        tone = TONES.get(State(record.state), "quiet")
        return with_quiet(badge(record.get_state_display(), tone=tone), record.reason)

    @admin.display(description=_("subscription"))
    def subscription_link(self, record: UsageRecord) -> str:
        if record.subscription is None:
            return record.subscription_id or EMPTY
        return link(self.admin_site, record.subscription)
