"""Findings on what runs beside the app: beat's other tasks, and the remote itself."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from pandabase_django.services.health.findings import Finding, Level, Situation
from pandabase_django.services.health.freshness import BEAT_SILENT_AFTER, beat_last_seen
from pandabase_django.texts.times import clock_text, time_text

__all__ = ["hosts_answer", "scheduled_tasks_run"]


def scheduled_tasks_run(situation: Situation) -> Iterator[Finding]:
    """Whether each scheduled task runs, where beat does."""
    seen = beat_last_seen(situation)
    if seen is None or situation.now - seen > BEAT_SILENT_AFTER:
        return  # one finding reports it already
    for task, since in situation.missed.items():
        yield Finding(
            code="task_missed",
            level=Level.WARNING,
            sentence=_("The scheduled task %(task)s has not run for %(time)s.")
            % {"task": task, "time": timesince(since, situation.now)},
            fix=_("Put all of beat_schedule() into Celery's settings, and see that beat uses it."),
        )


def hosts_answer(situation: Situation) -> Iterator[Finding]:
    """Outages of the remote: one finding for each host."""
    for host, outage in sorted({o.host: o for o in situation.outages.values()}.items()):
        yield Finding(
            code="remote_away",
            level=Level.ERROR,
            sentence=_(
                "%(host)s has not answered since %(since)s: %(why)s Syncs try again at %(next)s."
            )
            % {
                "host": host,
                "since": time_text(outage.since),
                "why": outage.error,
                "next": clock_text(outage.next_try_at),
            },
            fix=_("Nothing, if it comes back. “Sync now” tries at once."),
        )
