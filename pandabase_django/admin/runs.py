"""Sync runs: followed while they run, cancelled, started again, and the rows they wrote."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from pandabase_django import tasks
from pandabase_django.admin.buttons import Button
from pandabase_django.admin.changes import readable, shown
from pandabase_django.admin.display import EMPTY, badge, duration
from pandabase_django.admin.filters import StoreFilter
from pandabase_django.admin.handing import hand_over
from pandabase_django.admin.links import admin_url
from pandabase_django.admin.live import LiveMixin, LiveState, Progress
from pandabase_django.admin.page import ReadOnlyAdmin
from pandabase_django.models import SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.sync.runs import request_cancel

__all__ = ["SyncRunAdmin", "outcome_badge", "run_state"]

TONES = {
    SyncRun.State.COMPLETED: "good",
    SyncRun.State.FAILED: "bad",
    SyncRun.State.STALLED: "bad",
    SyncRun.State.PARTIAL: "warn",
    SyncRun.State.RUNNING: "busy",
}
TASKS = {Resource.PRODUCTS: tasks.sync_products, Resource.ORDERS: tasks.sync_orders}
CHANGES_BESIDE_A_RUN = 20
CHANGES_PER_PAGE = 100


def _cancel(model_admin: SyncRunAdmin, request: HttpRequest, run: SyncRun) -> None:
    if request_cancel(run):
        model_admin.log_change(request, run, "Cancelled.")
        text = gettext("The run ends at its next batch. What it wrote so far stays.")
        messages.success(request, text)
    else:
        messages.warning(request, gettext("The run has ended already."))


def _retry(model_admin: SyncRunAdmin, request: HttpRequest, run: SyncRun) -> str:
    hand_over(
        request,
        TASKS[Resource(run.resource)],
        run.store_id,
        told=gettext("A new run was handed to the workers."),
        trigger=SyncRun.Trigger.ADMIN.value,
        user_id=request.user.pk,
        full=run.full,
    )
    return admin_url(model_admin.admin_site, "pandabase_syncrun_changelist")


def run_state(run: SyncRun) -> LiveState:
    """What is shown of a run while people watch it."""
    done, of = run.progress_done, run.progress_total
    waiting = ""
    if run.waiting_until is not None and run.waiting_until > timezone.now():
        left = (run.waiting_until - timezone.now()).total_seconds()
        waiting = gettext("waiting %(time)s for the rate limit of %(whose)s") % {
            "time": duration(left),
            "whose": run.waiting_for,
        }
    texts = {
        "state": run.get_state_display(),
        "phase": run.phase,
        "count": _count(done) if of is None else f"{_count(done)} / {_count(of)}",
        "rate": gettext("%(rate)s rows a second") % {"rate": _count(round(run.rows_per_second))}
        if run.rows_per_second
        else "",
        "left": gettext("about %(time)s left") % {"time": duration(run.seconds_left)}
        if run.seconds_left is not None
        else "",
        "waiting": waiting,
        "rows": _rows(run),
        "requests": ngettext("%(count)s request", "%(count)s requests", run.requests)
        % {"count": _count(run.requests)},
        "elapsed": _elapsed(run),
    }
    return LiveState(
        open=run.state == SyncRun.State.RUNNING,
        texts=texts,
        progress={"rows": Progress(done=done, of=of)},
    )


def outcome_badge(run: SyncRun) -> str:
    """How a run ended, or that it runs."""
    return badge(run.get_state_display(), tone=TONES.get(SyncRun.State(run.state), "quiet"))


@admin.register(SyncRun)
class SyncRunAdmin(LiveMixin, ReadOnlyAdmin):
    """What each sync did."""

    why_read_only = _("This is the record of a sync. Nobody can change it.")
    list_display = ("started_at", "what", "outcome", "written", "elapsed")
    list_filter = ("state", "resource", "trigger", StoreFilter)
    search_fields = ("=store__id",)
    list_select_related = ("store",)
    list_per_page = 50
    show_full_result_count = False
    above = ("admin/pandabase/syncrun/progress.html",)
    below = ("admin/pandabase/syncrun/changes.html",)
    buttons = (
        Button(
            "cancel",
            _("Cancel"),
            "pandabase.run_sync",
            _cancel,
            lambda run: run.state == SyncRun.State.RUNNING and run.cancel_requested_at is None,
        ),
        Button(
            "retry",
            _("Run again"),
            "pandabase.run_sync",
            _retry,
            lambda run: run.state != SyncRun.State.RUNNING and run.resource in TASKS,
        ),
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "store",
                    "resource",
                    "outcome",
                    "attention",
                    "error",
                    "request_id",
                    "rows",
                    "requests",
                    "wait",
                    "strategies",
                )
            },
        ),
        (
            _("Start and end"),
            {
                "fields": (
                    "trigger",
                    "started_by",
                    "kind",
                    "started_at",
                    "finished_at",
                    "elapsed",
                    "cancel_requested_at",
                )
            },
        ),
        (_("Warnings"), {"fields": ("warning_count", "warning_list")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for _title, options in self.fieldsets for name in options["fields"]]

    def get_urls(self) -> list[URLPattern]:
        changes = path(
            "<path:object_id>/changes/",
            self.admin_site.admin_view(self.changes_view),
            name="pandabase_syncrun_changes",
        )
        return [changes, *super().get_urls()]

    def live_state(self, request: HttpRequest, obj: Any) -> LiveState:
        return run_state(obj)

    def panel_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        changes = readable(self.admin_site, request, obj.changes.order_by("id"))
        found = list(changes[: CHANGES_BESIDE_A_RUN + 1])
        state = run_state(obj)
        return {
            "run_state": state,
            "pandabase_live_url": self.live_url(obj) if state.open else "",
            "changes": shown(self.admin_site, found[:CHANGES_BESIDE_A_RUN]),
            "all_changes_url": admin_url(self.admin_site, "pandabase_syncrun_changes", obj.pk)
            if len(found) > CHANGES_BESIDE_A_RUN
            else "",
        }

    def changes_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Every row that a run wrote, page by page."""
        run = self.get_object(request, unquote(object_id))
        if run is None or not self.has_view_permission(request, run):
            raise PermissionDenied
        changes = readable(self.admin_site, request, run.changes.order_by("id"))
        page = Paginator(changes, CHANGES_PER_PAGE).get_page(request.GET.get("p"))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Rows this run wrote"),
            "subtitle": str(run),
            "opts": self.opts,
            "media": self.media,
            "original": run,
            "page": page,
            "changes": shown(self.admin_site, page.object_list),
        }
        return TemplateResponse(request, "admin/pandabase/syncrun/all_changes.html", context)

    @admin.display(description=_("what"))
    def what(self, run: SyncRun) -> str:
        return format_html(
            '{}<br><span class="pandabase-quiet">{}</span>', run.get_resource_display(), run.store
        )

    @admin.display(description=_("state"))
    def outcome(self, run: SyncRun) -> str:
        shown = outcome_badge(run)
        if run.state == SyncRun.State.POSTPONED and run.waiting_until is not None:
            return format_html(
                '{} <span class="pandabase-quiet">{}</span>',
                shown,
                gettext("goes on at %(time)s")
                % {"time": date_format(localtime(run.waiting_until), "DATETIME_FORMAT")},
            )
        if run.state != SyncRun.State.RUNNING or not run.progress_total:
            return shown
        return format_html(
            '{} <progress value="{}" max="{}" aria-label="{}"></progress>',
            shown,
            run.progress_done,
            run.progress_total,
            gettext("Rows done"),
        )

    @admin.display(description=_("written"))
    def written(self, run: SyncRun) -> str:
        parts = (
            (run.rows_created, gettext("%(count)s new")),
            (run.rows_updated, gettext("%(count)s changed")),
            (run.rows_gone, gettext("%(count)s gone")),
        )
        told = ", ".join(text % {"count": _count(number)} for number, text in parts if number)
        return told or gettext("nothing new")

    @admin.display(description=_("rows"))
    def rows(self, run: SyncRun) -> str:
        return _rows(run)

    @admin.display(description=_("duration"))
    def elapsed(self, run: SyncRun) -> str:
        return _elapsed(run)

    @admin.display(description=_("waited for rate limits"))
    def wait(self, run: SyncRun) -> str:
        return duration(run.seconds_waited) if run.seconds_waited else EMPTY

    @admin.display(description=_("kind"))
    def kind(self, run: SyncRun) -> str:
        if run.first:
            return gettext("First sync of this store")
        return gettext("Full pass") if run.full else gettext("Regular")

    @admin.display(description=_("strategies"))
    def strategies(self, run: SyncRun) -> str:
        lines = (
            (
                step.get("strategy", ""),
                step.get("requests", "…"),
                f", {json.dumps(rest)}" if (rest := _rest(step)) else "",
            )
            for step in run.steps
        )
        return (
            format_html_join("", "<div>{}: {} {}{}</div>", _with_word(lines))
            if run.steps
            else EMPTY
        )

    @admin.display(description=_("warnings"))
    def warning_list(self, run: SyncRun) -> str:
        return format_html_join("", "<div>{}</div>", ((text,) for text in run.warnings)) or EMPTY


def _with_word(lines: Any) -> Any:
    for strategy, requests, rest in lines:
        word = (
            ngettext("request", "requests", requests)
            if isinstance(requests, int)
            else gettext("requests")
        )
        yield strategy, requests, word, rest


def _rest(step: dict[str, object]) -> dict[str, object]:
    return {k: v for k, v in step.items() if k not in ("strategy", "requests") and v}


def _rows(run: SyncRun) -> str:
    return gettext(
        "%(created)s new, %(updated)s changed, %(unchanged)s unchanged, %(gone)s gone"
    ) % {
        "created": _count(run.rows_created),
        "updated": _count(run.rows_updated),
        "unchanged": _count(run.rows_unchanged),
        "gone": _count(run.rows_gone),
    }


def _elapsed(run: SyncRun) -> str:
    return duration(((run.finished_at or timezone.now()) - run.started_at).total_seconds())


def _count(number: int) -> str:
    return number_format(number, use_l10n=True, force_grouping=True)
