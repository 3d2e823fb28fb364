"""Syncs in this process, or compares without writing, with progress on stderr."""

from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser, DjangoHelpFormatter
from django.db import Error as AnyDatabaseError

from pandabase_django.exceptions import (
    APIError,
    ConfigurationError,
    LeaseHeld,
    MissingPermission,
    PandabaseError,
)
from pandabase_django.management.exits import Exit, exit_code_of, fail
from pandabase_django.management.live_line import LiveLine
from pandabase_django.management.sync_reports import (
    audit_report,
    audit_text,
    run_report,
    run_text,
)
from pandabase_django.models import Store, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.services.sync import runs
from pandabase_django.services.sync.audit import audit
from pandabase_django.services.sync.endings import database_away

__all__ = ["Command"]


EXIT_CODES = """\
exit codes:
  0    everything stands here; with --audit: everything is equal
  1    failed: the remote, the network or the database; the next run goes on
  2    usage: an option, the settings, or no such store
  3    the credential was refused
  4    something was left out: a permission is missing, an order could not be
       read, another process syncs it; with --audit: something differs
       (DIFFERENT), or could not be counted or compared (INCOMPLETE)
  130  stopped by Ctrl-C
Of several the first of 3, 1, 2, 4 is told.
"""


class _Help(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the lines of the exit codes."""


class Command(BaseCommand):
    """Its exit codes are those of ``EXIT_CODES``."""

    help = "Syncs products and orders of every enabled store, or of the one named."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs = {"formatter_class": _Help, "epilog": EXIT_CODES, **kwargs}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--store",
            default="",
            metavar="shp_…",
            help="This store alone, enabled or not. Without it: every enabled one.",
        )
        parser.add_argument(
            "--resource",
            choices=[*runs.RESOURCES, Resource.REQUEST_LOGS],
            default="",
            help="This alone. Without it: products (with variants and categories) and orders.",
        )
        parser.add_argument("--full", action="store_true", help="Read every page again.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Tell what would be written; write nothing."
        )
        parser.add_argument(
            "--audit",
            action="store_true",
            help="Compare counts by a few requests, with --full every list row; write nothing. "
            "Exits 4 when anything is DIFFERENT or the comparison INCOMPLETE.",
        )
        parser.add_argument(
            "--format",
            choices=["text", "json"],
            default="text",
            help="How results are told on stdout. Progress goes to stderr; -v 0 tells none.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["audit"] and options["resource"] == Resource.REQUEST_LOGS:
            raise fail("The request log is kept longer than the remote's own.", code=Exit.USAGE)
        resources = [options["resource"]] if options["resource"] else runs.RESOURCES
        work = [(store, str(name)) for store in _stores(options["store"]) for name in resources]
        self._line = LiveLine(self.stderr, quiet=options["verbosity"] == 0)
        do, text = (self._audit, audit_text) if options["audit"] else (self._sync, run_text)
        codes: list[Exit] = []
        reports: list[dict[str, Any]] = []
        try:
            for store, resource in work:
                report, code = do(store, resource, options)
                self._line.end()
                reports.append(report)
                codes.append(code)
                if options["format"] == "text":
                    self.stdout.write(text(report))
        except KeyboardInterrupt:
            self._line.end()
            stopped = "Stopped by Ctrl-C. Nothing that was written is lost."
            raise fail(stopped, code=Exit.INTERRUPTED) from None
        finally:
            if options["format"] == "json":
                name = "audits" if options["audit"] else "runs"
                ok = len(codes) == len(work) and not any(codes)
                self.stdout.write(json.dumps({"ok": ok, name: reports}))
        worst = _worst(codes)
        if worst:
            failed = "Not everything was found equal." if options["audit"] else None
            raise fail(failed or "Not everything could be synced.", code=worst)

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
                on_progress=self._line.show_run,
                on_wait=self._line.show_wait,
            )
        except LeaseHeld as error:
            report = {"store": store.pk, "resource": resource, "state": "HELD", "error": str(error)}
            return report, Exit.PARTIAL
        code = Exit.OK if result.error is None else exit_code_of(result.error)
        if result.run.state == SyncRun.State.PARTIAL:
            code = Exit.PARTIAL
        return run_report(result), code

    def _audit(
        self, store: Store, resource: str, options: dict[str, Any]
    ) -> tuple[dict[str, Any], Exit]:
        try:
            result = audit(
                store,
                resource=resource,
                full=options["full"],
                on_progress=self._line.show_run,
            )
        except (PandabaseError, ConfigurationError) as error:
            return _failed_audit(store, resource, error)
        except AnyDatabaseError as error:
            away = database_away(error)
            if away is None:
                raise
            return _failed_audit(store, resource, away)
        return audit_report(result), Exit.OK if result.equal else Exit.PARTIAL


def _stores(store_id: str) -> list[Store]:
    try:
        stores = runs.enabled_stores(store_id)
    except Store.DoesNotExist:
        raise fail(f"There is no store {store_id} here.", code=Exit.USAGE) from None
    except AnyDatabaseError as error:
        why = str(error).partition("\n")[0]
        raise fail(f"The tables can't be read: {why}", code=Exit.ERROR) from None
    if not stores:
        raise fail("There is no enabled store. Add a token first.", code=Exit.USAGE)
    return stores


def _failed_audit(store: Store, resource: str, error: Exception) -> tuple[dict[str, Any], Exit]:
    report = {
        "store": store.pk,
        "resource": resource,
        "state": "SKIPPED" if isinstance(error, MissingPermission) else "FAILED",
        "error": str(error),
        "request_id": error.request_id if isinstance(error, APIError) else "",
    }
    return report, exit_code_of(error)


def _worst(codes: list[Exit]) -> Exit:
    for code in (Exit.AUTHENTICATION, Exit.ERROR, Exit.USAGE, Exit.PARTIAL):
        if code in codes:
            return code
    return Exit.OK
