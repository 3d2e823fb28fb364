"""How a run reads: its state, its numbers, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext

from pandabase_django.admin.base.display import badge, duration
from pandabase_django.admin.base.live import LiveState, Progress
from pandabase_django.models import SyncRun

__all__ = ["count_text", "elapsed_text", "outcome_badge", "rows_text", "run_state", "strategies"]

TONES: dict[str, str] = {
    SyncRun.State.COMPLETED: "good",
    SyncRun.State.FAILED: "bad",
    SyncRun.State.STALLED: "bad",
    SyncRun.State.PARTIAL: "warn",
    SyncRun.State.RUNNING: "busy",
}


@dataclass(frozen=True, slots=True)
class Strategy:
    """One step of a run: its name in log and JSON, what it cost and what came of it, for people."""

    name: str
    requests: str
    created: str
    updated: str
    found: str


def run_state(run: SyncRun) -> LiveState:
    """What is shown of a run while people watch it."""
    done, of = run.progress_done, run.progress_total
    waiting, is_open = "", run.state == SyncRun.State.RUNNING
    # A postponed run has an end, and a time at which its task goes on.
    if is_open and run.waiting_until is not None and run.waiting_until > timezone.now():
        left = (run.waiting_until - timezone.now()).total_seconds()
        waiting = gettext("waiting %(time)s for the rate limit of %(whose)s") % {
            "time": duration(left),
            "whose": run.waiting_for,
        }
    texts = {
        "state": run.get_state_display(),
        "phase": run.phase,
        "count": count_text(done) if of is None else f"{count_text(done)} / {count_text(of)}",
        "rate": gettext("%(rate)s rows a second") % {"rate": count_text(round(run.rows_per_second))}
        if run.rows_per_second
        else "",
        "left": gettext("about %(time)s left") % {"time": duration(run.seconds_left)}
        if run.seconds_left is not None
        else "",
        "waiting": waiting,
        "rows": rows_text(run),
        "requests": ngettext("%(count)s request", "%(count)s requests", run.requests)
        % {"count": count_text(run.requests)},
        "elapsed": elapsed_text(run),
    }
    return LiveState(
        open=is_open,
        texts=texts,
        progress={"rows": Progress(done=done, of=of)},
    )


def outcome_badge(run: SyncRun) -> str:
    """How a run ended, or that it runs."""
    return badge(run.get_state_display(), tone=TONES.get(run.state, "quiet"))


def rows_text(run: SyncRun) -> str:
    """What became of its rows."""
    return gettext(
        "%(created)s new, %(updated)s changed, %(unchanged)s unchanged, %(gone)s gone"
    ) % {
        "created": count_text(run.rows_created),
        "updated": count_text(run.rows_updated),
        "unchanged": count_text(run.rows_unchanged),
        "gone": count_text(run.rows_gone),
    }


def strategies(run: SyncRun) -> list[Strategy]:
    """What was done, in order; a step that is under way has no numbers yet."""
    return [
        Strategy(
            name=step.get("strategy", ""),
            requests=_number_of(step, "requests"),
            created=_number_of(step, "created"),
            updated=_number_of(step, "updated"),
            found="; ".join(_found(step)),
        )
        for step in run.steps
    ]


def elapsed_text(run: SyncRun) -> str:
    """How long it took, or has taken so far."""
    return duration(run.seconds)


def count_text(number: int) -> str:
    """A number as people of this language write it."""
    return number_format(number, use_l10n=True, force_grouping=True)


def _number_of(step: dict[str, Any], name: str) -> str:
    number = step.get(name)
    return count_text(number) if isinstance(number, int) else "…"


def _found(step: dict[str, Any]) -> Iterator[str]:
    if step.get("clean") is False and "counted" in step:
        yield gettext("the remote counts %(counted)s rows, its pages show %(listed)s") % {
            "counted": count_text(step["counted"]),
            "listed": count_text(step["listed"]),
        }
    elif step.get("clean") is False:
        yield gettext("the list moved while it was read")
    if differing := step.get("differing"):
        counts = ", ".join(f"{name} {by:+d}" for name, by in sorted(differing.items()))
        yield gettext("other counts than here: %(counts)s") % {"counts": counts}
    if helpers := step.get("helpers"):
        text = ngettext("%(count)s run of a helper", "%(count)s runs of helpers", helpers)
        yield text % {"count": helpers}
    if pages := step.get("pages"):
        yield gettext("pages %(first)s to %(last)s of %(all)s") % {
            "first": step["first_page"],
            "last": min(step["first_page"] + pages - 1, step["of_pages"]),
            "all": step["of_pages"],
        }
    if step.get("hurry"):
        yield gettext("in a hurry, since changes may be hidden")
