"""Syncs, dry runs and audits as a script reads them (JSON) and as a person does (sentences)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pandabase_django.models import SyncRun
from pandabase_django.printable import printable
from pandabase_django.services.sync.compared import Comparison
from pandabase_django.services.sync.run.failures import RunResult

__all__ = ["as_json", "as_text"]

WARNINGS_SHOWN = 5
DIFFERENCES_SHOWN = 50
ONLY_COUNTS = "Counts alone were compared: rows can differ all the same (--audit --full)."


def as_json(result: RunResult | Comparison) -> dict[str, Any]:
    """What came of one resource of one store."""
    run = result.run
    state, found = str(run.state), _run(run)
    if isinstance(result, Comparison):
        state, found = result.state, _audit(result) if result.audited else found
        found["notes"] = _notes(result)
    return {
        "store": run.store_id,
        "mark": run.store.mark,
        "resource": run.resource,
        "state": state,
        **found,
        "requests": run.requests,
        "seconds": round(run.seconds, 3),
        "error": run.error,
        "request_id": run.request_id,
    }


def as_text(report: dict[str, Any]) -> str:
    """The same in a few lines, from its JSON: a sentence each, then what was found."""
    mark = f" ({report['mark'].lower()})" if report.get("mark") else ""
    start = f"{report['store']}{mark} {report['resource']}: {report['state']}"
    if "rows" in report:
        lines = _run_lines(start, report)
    elif "counts" in report and not report["error"]:
        lines = _audit_lines(start, report)
    else:
        lines = [f"{start}. {report['error']}"]
    return "\n".join(map(printable, [*lines, *(f"  {note}" for note in report.get("notes", ()))]))


def _run(run: SyncRun) -> dict[str, Any]:
    return {
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
        "seconds_waited": round(run.seconds_waited, 3),
        "steps": run.steps,
        "warning_count": run.warning_count,
        "warnings": run.warnings,
        "attention": run.attention,
    }


def _audit(audit: Comparison) -> dict[str, Any]:
    return {
        "compared": "rows" if audit.run.full else "counts",
        "counts": {
            count.name: {"there": count.there, "here": count.here} for count in audit.counts
        },
        "rows_compared": audit.rows_compared,
        "difference_count": audit.difference_count,
        "differences": [asdict(difference) for difference in audit.differences],
        "not_compared": audit.not_compared,
    }


def _notes(comparison: Comparison) -> list[str]:
    counts_alone = comparison.audited and not comparison.run.full and not comparison.error
    return [*comparison.notes, *([ONLY_COUNTS] if counts_alone else [])]


def _run_lines(start: str, report: dict[str, Any]) -> list[str]:
    number = f" (run {report['run']})" if report["run"] else ""
    rows = ", ".join(f"{count} {word}" for word, count in report["rows"].items())
    would = "Nothing was written." if report["dry_run"] else ""
    warned = _number(report["warning_count"], "warning") if report["warning_count"] else ""
    sentences = [
        f"{start}{number}.",
        report["error"],
        f"{rows}; {_spent(report)}.",
        would,
        report["attention"],
        f"{warned}:" if warned else "",
    ]
    where = f": see run {report['run']}" if report["run"] else ": see --format json"
    first = " ".join(filter(None, sentences))
    shown = report["warnings"][:WARNINGS_SHOWN]
    return [first, *_listed(shown, of=report["warning_count"], where=where)]


def _audit_lines(start: str, report: dict[str, Any]) -> list[str]:
    counts = ", ".join(
        f"{name} {n['there']}"
        if n["there"] == n["here"]
        else f"{name} {n['there']} there and {n['here']} here"
        for name, n in report["counts"].items()
    )
    rows = ""
    if report["compared"] == "rows":
        rows = f" {report['rows_compared']} rows compared, {report['difference_count']} differ."
    shown = [
        f"{d['kind']} {d['id']} {d['what']}: {d['why']}"
        for d in report["differences"][:DIFFERENCES_SHOWN]
    ]
    return [
        f"{start}. {counts or 'Nothing was counted'}.{rows} {_spent(report)}.",
        *_listed(shown, of=report["difference_count"]),
        *(f"  {text}" for text in report["not_compared"]),
    ]


def _listed(shown: Sequence[str], *, of: int, where: str = "") -> list[str]:
    more = [f"  and {of - len(shown)} more{where}."] if of > len(shown) else []
    return [*(f"  {text}" for text in shown), *more]


def _spent(report: dict[str, Any]) -> str:
    return f"{_number(report['requests'], 'request')} in {report['seconds']:.1f} s"


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
