"""Says what is not set up and what needs attention: the same as the admin's overview."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser

from pandabase_django import tasks
from pandabase_django.management.exits import Exit, PandabaseCommand, fail
from pandabase_django.printable import printable
from pandabase_django.services.health.checklist import setup
from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.services.health.report import attention

__all__ = ["Command"]

MARKS = {
    Level.OK: "ok     ",
    Level.NOTE: "note   ",
    Level.WARNING: "WARNING",
    Level.ERROR: "ERROR  ",
}


class Command(PandabaseCommand):
    """Exit code 1 with an error, 3 when a credential was refused, 4 with a warning."""

    help = "Says what is not set up yet and what needs attention; asks the broker as well."
    # This command reports a setting that is wrong.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--format", choices=["text", "json"], default="text", help="The form of the result."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        problem = tasks.broker_problem()
        situation = Situation(broker=lambda: problem, thorough=True)
        steps = setup(situation)
        readable = all(
            step.code not in ("migrations", "tables_missing") or step.level is Level.OK
            for step in steps
        )
        shown = {step.sentence for step in steps}
        if readable:
            tasks.pick_up_spool()
        found = [f for f in attention(situation) if f.sentence not in shown] if readable else []
        levels = {finding.level for finding in (*steps, *found)}
        if options["format"] == "json":
            groups = {"setup": steps, "attention": found}
            self.stdout.write(
                json.dumps({k: [_as_json(f) for f in group] for k, group in groups.items()})
            )
        else:
            self._print("Setup", steps)
            if found:
                self._print("Needs attention", found)
            elif readable and not levels & {Level.ERROR, Level.WARNING}:
                self.stdout.write("Nothing needs attention.")
        if any(finding.code == "token_suspect" for finding in found):
            raise fail("A credential was refused.", code=Exit.AUTHENTICATION)
        if Level.ERROR in levels:
            raise fail("There are errors.", code=Exit.ERROR)
        if Level.WARNING in levels:
            raise fail("There are warnings.", code=Exit.PARTIAL)

    def _print(self, title: str, findings: list[Finding]) -> None:
        self.stdout.write(f"{title}:")
        for finding in findings:
            self.stdout.write(f"  {MARKS[finding.level]} {printable(finding.sentence)}")
            if finding.fix and finding.level is not Level.OK:
                self.stdout.write(f"          → {finding.fix}")


def _as_json(finding: Finding) -> dict[str, str]:
    return {
        "code": finding.code,
        "level": finding.level.value,
        "sentence": finding.sentence,
        "fix": finding.fix,
        "store": finding.store_id,
    }
