"""Sync runs, with their progress."""

from __future__ import annotations

import json

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.display import EMPTY, badge
from pandabase_django.admin.mirror import ReadOnlyAdmin
from pandabase_django.models import SyncRun

__all__ = ["SyncRunAdmin"]

TONES = {
    SyncRun.State.COMPLETED: "good",
    SyncRun.State.FAILED: "bad",
    SyncRun.State.STALLED: "bad",
    SyncRun.State.PARTIAL: "bad",
}


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnlyAdmin):
    """What each sync did. Reload the page to follow a running one."""

    list_display = (
        "id",
        "store_id",
        "resource",
        "outcome",
        "progress",
        "rows",
        "requests",
        "duration",
        "started_at",
    )
    list_filter = ("state", "resource", "trigger")
    search_fields = ("=store__id",)
    list_select_related = ("store",)
    show_full_result_count = False
    fields = readonly_fields = (
        "store",
        "resource",
        "outcome",
        "progress",
        "phase",
        "trigger",
        "started_by",
        "started_at",
        "duration",
        "rows",
        "requests",
        "seconds_waited",
        "strategies",
        "attention",
        "error",
        "request_id",
        "warning_count",
        "warning_list",
    )

    @admin.display(description=_("state"), ordering="state")
    def outcome(self, run: SyncRun) -> str:
        return badge(run.get_state_display(), tone=TONES.get(SyncRun.State(run.state), "quiet"))

    @admin.display(description=_("progress"))
    def progress(self, run: SyncRun) -> str:
        if run.state != SyncRun.State.RUNNING:
            return EMPTY
        if not run.progress_total:
            return str(run.progress_done)
        return format_html(
            '<progress value="{}" max="{}"></progress> {} / {}',
            run.progress_done,
            run.progress_total,
            run.progress_done,
            run.progress_total,
        )

    @admin.display(description=_("rows"))
    def rows(self, run: SyncRun) -> str:
        return _("%(created)d new, %(updated)d changed, %(unchanged)d unchanged, %(gone)d gone") % {
            "created": run.rows_created,
            "updated": run.rows_updated,
            "unchanged": run.rows_unchanged,
            "gone": run.rows_gone,
        }

    @admin.display(description=_("duration"))
    def duration(self, run: SyncRun) -> str:
        seconds = ((run.finished_at or timezone.now()) - run.started_at).total_seconds()
        return f"{seconds:.1f} s"

    @admin.display(description=_("strategies"))
    def strategies(self, run: SyncRun) -> str:
        return format_html_join(
            "",
            "<div>{}: {} requests{}</div>",
            (
                (
                    step.get("strategy", ""),
                    step.get("requests", "…"),
                    f", {json.dumps(rest)}" if (rest := _rest(step)) else "",
                )
                for step in run.steps
            ),
        )

    @admin.display(description=_("warnings"))
    def warning_list(self, run: SyncRun) -> str:
        return format_html_join("", "<div>{}</div>", ((text,) for text in run.warnings)) or EMPTY


def _rest(step: dict[str, object]) -> dict[str, object]:
    return {k: v for k, v in step.items() if k not in ("strategy", "requests") and v}
