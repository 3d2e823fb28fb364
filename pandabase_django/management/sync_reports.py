"""Runs and audits as a script reads them (JSON) and as a person does (sentences)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pandabase_django.services.sync.audit import Audit
from pandabase_django.services.sync.runs import RunResult

__all__ = ["audit_report", "audit_text", "run_report", "run_text"]

WARNINGS_SHOWN = 5
DIFFERENCES_SHOWN = 50
ONLY_COUNTS = "Counts alone were compared: rows can differ all the same (--audit --full)."


def run_report(result: RunResult) -> dict[str, Any]:
    """A run as JSON."""
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


def run_text(report: dict[str, Any]) -> str:
    """A run, or why there was none: a line, and one for each of its first warnings."""
    start = f"{report['store']} {report['resource']}: {report['state']}"
    if "rows" not in report:
        return f"{start}. {report['error']}"
    number = f" (run {report['run']})" if report["run"] else ""
    rows = ", ".join(f"{count} {word}" for word, count in report["rows"].items())
    would = "Nothing was written." if report["dry_run"] else ""
    warned = _number(report["warning_count"], "warning") if report["warning_count"] else ""
    spent = f"{_number(report['requests'], 'request')} in {report['seconds']:.1f} s"
    sentences = [
        f"{start}{number}.",
        report["error"],
        f"{rows}; {spent}.",
        would,
        report["attention"],
        f"{warned}:" if warned else "",
    ]
    shown = report["warnings"][:WARNINGS_SHOWN]
    lines = [" ".join(filter(None, sentences)), *(f"  {warning}" for warning in shown)]
    if report["warning_count"] > len(shown):
        where = f"run {report['run']}" if report["run"] else "--format json"
        lines.append(f"  and {report['warning_count'] - len(shown)} more: see {where}.")
    return "\n".join(lines)


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def audit_report(audit: Audit) -> dict[str, Any]:
    """An audit as JSON."""
    return {
        "store": audit.store_id,
        "resource": audit.resource,
        "state": "EQUAL" if audit.equal else "DIFFERENT" if audit.differs else "INCOMPLETE",
        "compared": "rows" if audit.full else "counts",
        "counts": {
            count.name: {"there": count.there, "here": count.here} for count in audit.counts
        },
        "rows_compared": audit.rows_compared,
        "difference_count": audit.difference_count,
        "differences": [asdict(difference) for difference in audit.differences],
        "not_compared": audit.not_compared,
        "notes": audit.notes if audit.full else [*audit.notes, ONLY_COUNTS],
        "requests": audit.requests,
        "seconds": round(audit.seconds, 3),
        "error": "",
    }


def audit_text(report: dict[str, Any]) -> str:
    """An audit, or why there was none, in a few lines."""
    start = f"{report['store']} {report['resource']}: {report['state']}"
    if "counts" not in report:
        return f"{start}. {report['error']}"
    counts = ", ".join(
        f"{name} {n['there']}"
        if n["there"] == n["here"]
        else f"{name} {n['there']} there and {n['here']} here"
        for name, n in report["counts"].items()
    )
    rows = ""
    if report["compared"] == "rows":
        rows = f" {report['rows_compared']} rows compared, {report['difference_count']} differ."
    spent = f"{_number(report['requests'], 'request')} in {report['seconds']:.1f} s"
    lines = [f"{start}. {counts or 'Nothing was counted'}.{rows} {spent}."]
    shown = report["differences"][:DIFFERENCES_SHOWN]
    lines += [f"  {d['kind']} {d['id']} {d['what']}: {d['why']}" for d in shown]
    if report["difference_count"] > len(shown):
        lines.append(f"  and {report['difference_count'] - len(shown)} more.")
    lines += [f"  {note}" for note in (*report["not_compared"], *report["notes"])]
    return "\n".join(lines)
