"""How a run reads: its state, its numbers, and what it waits for."""

from __future__ import annotations

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext

from pandabase_django.admin.display import badge, duration
from pandabase_django.admin.live import LiveState, Progress
from pandabase_django.models import SyncRun

__all__ = ["count_text", "elapsed_text", "outcome_badge", "rows_text", "run_state"]

TONES: dict[str, str] = {
    SyncRun.State.COMPLETED: "good",
    SyncRun.State.FAILED: "bad",
    SyncRun.State.STALLED: "bad",
    SyncRun.State.PARTIAL: "warn",
    SyncRun.State.RUNNING: "busy",
}


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


def elapsed_text(run: SyncRun) -> str:
    """How long it took, or has taken so far."""
    return duration(((run.finished_at or timezone.now()) - run.started_at).total_seconds())


def count_text(number: int) -> str:
    """A number as people of this language write it."""
    return number_format(number, use_l10n=True, force_grouping=True)
