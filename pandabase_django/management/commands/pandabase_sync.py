"""Syncs in this process, or compares without writing, with progress on stderr."""

from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import CommandParser, DjangoHelpFormatter
from django.db import Error as AnyDatabaseError

from pandabase_django.exceptions import (
    ConfigurationError,
    LeaseHeld,
    OtherEnvironment,
    interruptions,
)
from pandabase_django.management.exits import Exit, PandabaseCommand, exit_code_of, fail, worst
from pandabase_django.management.live_line import LiveLine
from pandabase_django.management.sigterm import Terminated, ending_at_sigterm
from pandabase_django.management.sync_reports import as_json, as_text
from pandabase_django.models import Store, SyncRun
from pandabase_django.models.sync import Resource
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.sync import runs
from pandabase_django.services.sync.compare import audit, dry_run
from pandabase_django.services.sync.compared import Comparison
from pandabase_django.services.sync.resources import with_runs
from pandabase_django.services.sync.run.failures import UNEXPECTED

__all__ = ["Command"]

logger = get_logger(__name__)

EXIT_CODES = """\
exit codes:
  0    everything is up to date; with --audit: everything is equal
  1    failed: the remote, the network or the database; the next run goes on
  2    usage: an option, the settings, or no such store
  3    the credential was refused
  4    something was left out: a permission is missing, an order could not be
       read, another process syncs it; with --audit: something differs
       (DIFFERENT), or could not be counted or compared (INCOMPLETE)
  130  stopped by Ctrl-C
  143  stopped by SIGTERM
Of several, the first of 3, 1, 2, 4 counts.
"""


class _Help(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the lines of the exit codes."""


class Command(PandabaseCommand):
    """Its exit codes are those of ``EXIT_CODES``."""

    help = "Syncs products and orders of every enabled store, or of the one named."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs = {"formatter_class": _Help, "epilog": EXIT_CODES, **kwargs}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--store",
            metavar="shp_…",
            help="This store alone, enabled or not. Without it: every enabled one.",
        )
        parser.add_argument(
            "--resource",
            choices=[resource.name for resource in with_runs()],
            action="append",
            metavar="NAME",
            help=f"This alone: {', '.join(resource.name for resource in with_runs())}. Give it "
            "several times for several. Without it: products (with variants and categories) and "
            "orders (with refunds and disputes).",
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
            help="The form of results on stdout. Progress goes to stderr; -v 0 shows none.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        resources = _resources(options["resource"])
        if options["audit"] and Resource.REQUEST_LOGS in resources:
            raise fail("The request log is kept longer than the remote's own.", code=Exit.USAGE)
        work = [(store, name) for store in _stores(options["store"]) for name in resources]
        self._line = LiveLine(self.stderr, quiet=options["verbosity"] == 0)
        codes: list[Exit] = []
        reports: list[dict[str, Any]] = []
        try:
            with ending_at_sigterm():
                for store, resource in work:
                    report, code = self._one(store, resource, options)
                    self._line.end()
                    reports.append(report)
                    codes.append(code)
                    if options["format"] == "text":
                        self.stdout.write(as_text(report))
        except Terminated:
            self._line.end()
            stopped = "Stopped by SIGTERM. Nothing that was written is lost."
            raise fail(stopped, code=Exit.TERMINATED) from None
        except KeyboardInterrupt:
            self._line.end()
            stopped = "Stopped by Ctrl-C. Nothing that was written is lost."
            raise fail(stopped, code=Exit.INTERRUPTED) from None
        finally:
            if options["format"] == "json":
                name = "audits" if options["audit"] else "runs"
                ok = len(codes) == len(work) and not any(codes)
                self.stdout.write(json.dumps({"ok": ok, name: reports}))
        if code := worst(codes):
            failed = "Not everything was found equal." if options["audit"] else None
            raise fail(failed or "Not everything could be synced.", code=code)

    def _one(
        self, store: Store, resource: str, options: dict[str, Any]
    ) -> tuple[dict[str, Any], Exit]:
        try:
            result = self._do(store, resource, options)
        except LeaseHeld as error:
            return _not_done(store, resource, "HELD", str(error)), Exit.PARTIAL
        except OtherEnvironment as error:
            return _not_done(store, resource, "HELD_BACK", str(error)), Exit.ERROR
        except (AnyDatabaseError, ConfigurationError):
            raise
        except interruptions():
            raise
        except Exception:
            # Of this resource; the others are not to wait for somebody who reads the log.
            self._line.end()
            logger.exception(
                "%s of %s met an unexpected error.",
                resource,
                store.pk,
                extra=facts(store=store.pk, resource=resource),
            )
            return _not_done(store, resource, "FAILED", UNEXPECTED), Exit.ERROR
        code = Exit.OK if result.error is None else exit_code_of(result.error)
        if result.run.state == SyncRun.State.PARTIAL:
            code = Exit.PARTIAL
        return as_json(result), code

    def _do(
        self, store: Store, resource: str, options: dict[str, Any]
    ) -> runs.RunResult | Comparison:
        full, on_progress = options["full"], self._line.show_run
        if options["audit"]:
            return audit(store, resource=resource, full=full, on_progress=on_progress)
        if options["dry_run"]:
            return dry_run(store, resource=resource, full=full, on_progress=on_progress)
        return runs.sync_resource(
            store,
            resource=resource,
            trigger=SyncRun.Trigger.COMMAND,
            full=full,
            caller=runs.Caller(on_progress=on_progress, on_wait=self._line.show_wait),
        )


def _resources(named: str | list[str] | None) -> list[str]:
    """Each resource once, in the order in which it was named; ``call_command`` may give a text."""
    names = [named] if isinstance(named, str) and named else named or runs.RESOURCES
    return list(dict.fromkeys(map(str, names)))


def _stores(store_id: str) -> list[Store]:
    try:
        stores = runs.enabled_stores(store_id)
    except Store.DoesNotExist:
        raise fail(f"There is no store {store_id} here.", code=Exit.USAGE) from None
    except AnyDatabaseError as error:
        why = str(error).partition("\n")[0]
        raise fail(
            f"The tables can't be read: {why}. `manage.py pandabase_check` says what is missing.",
            code=Exit.ERROR,
        ) from None
    if not stores:
        raise fail("There is no enabled store. Add a token first.", code=Exit.USAGE)
    return stores


def _not_done(store: Store, resource: str, state: str, error: str) -> dict[str, Any]:
    return {
        "store": store.pk,
        "resource": resource,
        "state": state,
        "error": error,
        "request_id": "",
    }
