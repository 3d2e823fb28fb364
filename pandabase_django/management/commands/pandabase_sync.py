"""Syncs in this process, with progress on a terminal."""

from __future__ import annotations

import json
import shutil
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from pandabase_django.exceptions import LeaseHeld
from pandabase_django.management.exits import Exit, exit_code_of, fail
from pandabase_django.models import Store, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.sync import progress, runs

__all__ = ["Command"]

REDRAW_SECONDS = 0.1
LINE_SECONDS = 5.0  # between two lines where no terminal is


class Command(BaseCommand):
    """Exit codes: 0 equal, 1 failed, 2 usage, 3 credential refused, 4 something was left out."""

    help = "Syncs products and orders of every enabled store, or of the one named."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--store", default="", metavar="shp_…")
        parser.add_argument(
            "--resource", choices=[*runs.RESOURCES, Resource.REQUEST_LOGS], default=""
        )
        parser.add_argument("--full", action="store_true", help="Read every page again.")
        parser.add_argument("--dry-run", action="store_true", help="Compare, write nothing.")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            stores = runs.enabled_stores(options["store"])
        except Store.DoesNotExist:
            raise fail(f"There is no store {options['store']} here.", code=Exit.USAGE) from None
        if not stores:
            raise fail("There is no enabled store. Add a token first.", code=Exit.USAGE)
        self._quiet = options["verbosity"] == 0
        # A sync that takes less than a few seconds writes no line where no terminal is.
        self._drawn_at = 0.0 if self._on_terminal() else time.monotonic()
        codes: list[Exit] = []
        reports: list[dict[str, Any]] = []
        for store in stores:
            for resource in [options["resource"]] if options["resource"] else runs.RESOURCES:
                report, code = self._sync(store, str(resource), options)
                reports.append(report)
                codes.append(code)
                if options["format"] == "text":
                    self.stdout.write(_sentence(report))
        if options["format"] == "json":
            self.stdout.write(json.dumps({"ok": not any(codes), "runs": reports}))
        worst = _worst(codes)
        if worst:
            raise fail("Not everything could be synced.", code=worst)

    def _sync(
        self, store: Store, resource: str, options: dict[str, Any]
    ) -> tuple[dict[str, Any], Exit]:
        try:
            result = runs.sync_resource(
                store,
                resource=resource,
                trigger=SyncRun.Trigger.COMMAND,
                full=options["full"],
                dry_run=options["dry_run"],
                on_progress=self._show,
                on_wait=self._show_wait,
            )
        except LeaseHeld as error:
            self._end_line()
            report = {"store": store.pk, "resource": resource, "state": "HELD", "error": str(error)}
            return report, Exit.PARTIAL
        self._end_line()
        code = Exit.OK if result.error is None else exit_code_of(result.error)
        if result.run.state == SyncRun.State.PARTIAL:
            code = Exit.PARTIAL
        return _report(result), code

    def _show(self, run: SyncRun) -> None:
        if run.state == SyncRun.State.RUNNING:
            self._draw(progress.sentence(run))

    def _show_wait(self, holder: str, seconds: float) -> None:
        self._draw(f"Waiting {seconds:.0f} s at most for the lease of {holder}")

    def _draw(self, text: str) -> None:
        """One line that is drawn over itself on a terminal; elsewhere a line now and then."""
        now = time.monotonic()
        terminal = self._on_terminal()
        if self._quiet or now - self._drawn_at < (REDRAW_SECONDS if terminal else LINE_SECONDS):
            return
        self._drawn_at = now
        if terminal:
            width = shutil.get_terminal_size().columns
            self.stderr.write(f"\r\033[K{text[: width - 1]}", _plain, ending="")
        else:
            self.stderr.write(text, _plain)

    def _end_line(self) -> None:
        if self._on_terminal() and not self._quiet:
            self.stderr.write("\r\033[K", ending="")

    def _on_terminal(self) -> bool:
        return bool(self.stderr.isatty())


def _plain(text: str) -> str:
    """Progress is no error: without the red of stderr."""
    return text


def _report(result: runs.RunResult) -> dict[str, Any]:
    run = result.run
    return {
        "store": run.store_id,
        "resource": run.resource,
        "state": str(run.state),
        "run": run.pk,
        "first": run.first,
        "full": run.full,
        "dry_run": run.dry_run,
        "rows": {
            "created": run.rows_created,
            "updated": run.rows_updated,
            "unchanged": run.rows_unchanged,
            "gone": run.rows_gone,
        },
        "requests": run.requests,
        "seconds": round(result.seconds, 3),
        "seconds_waited": round(run.seconds_waited, 3),
        "steps": run.steps,
        "warning_count": run.warning_count,
        "warnings": run.warnings,
        "attention": run.attention,
        "error": run.error,
        "request_id": run.request_id,
    }


def _sentence(report: dict[str, Any]) -> str:
    start = f"{report['store']} {report['resource']}: {report['state']}"
    if "rows" not in report:
        return f"{start}. {report['error']}"
    rows = ", ".join(f"{count} {word}" for word, count in report["rows"].items())
    notes = " ".join(filter(None, [report["error"], report["attention"]]))
    warned = f" {report['warning_count']} warnings." if report["warning_count"] else ""
    return (
        f"{start}. {rows}; {report['requests']} requests in {report['seconds']:.1f} s."
        f"{warned} {notes}".rstrip()
    )


def _worst(codes: list[Exit]) -> Exit:
    for code in (Exit.AUTHENTICATION, Exit.ERROR, Exit.USAGE, Exit.PARTIAL):
        if code in codes:
            return code
    return Exit.OK
