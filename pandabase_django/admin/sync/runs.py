"""Sync runs: followed while they run, cancelled, started again, and the rows they wrote."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.timezone import now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.buttons import Button
from pandabase_django.admin.base.display import EMPTY, duration, with_quiet
from pandabase_django.admin.base.enqueue import hand_over_sync
from pandabase_django.admin.base.filters import StoreFilter
from pandabase_django.admin.base.links import admin_url
from pandabase_django.admin.base.live import LiveMixin, LiveState
from pandabase_django.admin.base.page import ReadOnlyAdmin
from pandabase_django.admin.mirror.changes import CHANGES_PER_PAGE, readable, shown
from pandabase_django.admin.sync.run_texts import (
    count_text,
    elapsed_text,
    outcome_badge,
    rows_text,
    run_state,
    strategies,
)
from pandabase_django.models import SyncRun
from pandabase_django.services.sync.runs import MIRRORED, request_cancel
from pandabase_django.texts.times import time_text

__all__ = ["SyncRunAdmin"]

CHANGES_BESIDE_A_RUN = 20


def _cancel(model_admin: SyncRunAdmin, request: HttpRequest, run: SyncRun) -> None:
    if request_cancel(run):
        model_admin.log_change(request, run, "Cancelled.")
        text = gettext("The run ends at its next batch. What it wrote so far stays.")
        messages.success(request, text)
    else:
        messages.warning(request, gettext("The run has ended already."))


def _retry(model_admin: SyncRunAdmin, request: HttpRequest, run: SyncRun) -> str:
    hand_over_sync(
        request,
        run.store_id,
        (run.resource,),
        message=gettext("A new run was handed to the workers."),
        full=run.full,
    )
    return admin_url(model_admin.admin_site, "pandabase_syncrun_changelist")


@admin.register(SyncRun)
class SyncRunAdmin(LiveMixin, ReadOnlyAdmin):
    """What each sync did."""

    called_by_store = True

    why_read_only = _("This is the record of a sync. Nobody can change it.")
    when_empty = _(
        "Nothing has been synced yet. “Sync now” on a store's page starts it, and so does "
        "the schedule."
    )
    list_display = ("started_at", "what", "outcome", "written", "elapsed")
    list_filter = ("state", "resource", "trigger", StoreFilter)
    search_fields = ("=store__id",)
    list_per_page = 50
    show_full_result_count = False
    above = ("admin/pandabase/syncrun/progress.html",)
    below = ("admin/pandabase/syncrun/strategies.html", "admin/pandabase/syncrun/changes.html")
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
            lambda run: run.state != SyncRun.State.RUNNING and run.resource in MIRRORED,
        ),
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "store_link",
                    "resource",
                    "outcome",
                    "attention",
                    "error",
                    "request_id",
                    "rows",
                    "requests",
                    "wait",
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
            "strategies": strategies(obj),
            "pandabase_live_url": self.live_url(obj) if state.open else "",
            "changes": shown(self.admin_site, request, found[:CHANGES_BESIDE_A_RUN]),
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
            "changes": shown(self.admin_site, request, page.object_list),
        }
        return TemplateResponse(request, "admin/pandabase/all_changes.html", context)

    @admin.display(description=_("what"))
    def what(self, run: SyncRun) -> str:
        return with_quiet(run.get_resource_display(), run.store)

    @admin.display(description=_("state"))
    def outcome(self, run: SyncRun) -> str:
        shown = outcome_badge(run)
        if (
            run.state == SyncRun.State.POSTPONED
            and run.waiting_until is not None
            and run.waiting_until > now()
        ):
            return format_html(
                '{} <span class="pandabase-quiet">{}</span>',
                shown,
                gettext("goes on at %(time)s") % {"time": time_text(run.waiting_until)},
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
        parts_text = ", ".join(
            text % {"count": count_text(number)} for number, text in parts if number
        )
        return parts_text or gettext("nothing new")

    @admin.display(description=_("rows"))
    def rows(self, run: SyncRun) -> str:
        return rows_text(run)

    @admin.display(description=_("duration"))
    def elapsed(self, run: SyncRun) -> str:
        return elapsed_text(run)

    @admin.display(description=_("waited for rate limits"))
    def wait(self, run: SyncRun) -> str:
        return duration(run.seconds_waited) if run.seconds_waited else EMPTY

    @admin.display(description=_("kind"))
    def kind(self, run: SyncRun) -> str:
        if run.first:
            return gettext("First sync of this store")
        return gettext("Full pass") if run.full else gettext("Regular")

    @admin.display(description=_("warnings"))
    def warning_list(self, run: SyncRun) -> str:
        return format_html_join("", "<div>{}</div>", ((text,) for text in run.warnings)) or EMPTY
