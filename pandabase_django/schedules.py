"""A ready schedule for Celery beat::

app.conf.beat_schedule = {**beat_schedule(), **my_own}
"""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

from celery.schedules import crontab

from pandabase_django.conf import conf
from pandabase_django.intervals import INTERVALS, SYNC_ALL, SYNC_SELDOM

__all__ = ["beat_schedule"]

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_FIRST_OF_THE_DAY = {
    "pandabase.archive_request_logs": time(0, 37),
    "pandabase.finish_webhook_rotations": time(0, 7),
    "pandabase.prune_changes": time(3, 47),
    "pandabase.prune_webhooks": time(3, 17),
    "pandabase.rotate_due_secrets": time(0, 22),
    SYNC_ALL: time(0, 52),
    SYNC_SELDOM: time(1, 12),
}


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Sync every store each ``SYNC_INTERVAL_SECONDS``, look after stalled runs and open rotations
    each minute, and rotate secrets that are due by their age each hour.

    The request log is fetched every six hours: the remote forgets it after 30 days. What changes
    seldom, or is read whole, such as customers and payouts, is read as often.

    A message that waits longer than its interval for a worker is dropped: the next one does its
    work.

    Raises:
        ConfigurationError: The interval is not a number, or out of range.
    """
    intervals = {
        SYNC_ALL: timedelta(seconds=conf.sync_interval_seconds),
        "pandabase.reap_stalled_runs": MINUTE,
        "pandabase.sweep_actions": MINUTE,
        "pandabase.send_usage": MINUTE,
        "pandabase.sweep_checkouts": MINUTE,
        "pandabase.sweep_erasures": MINUTE,
        "pandabase.sweep_webhooks": MINUTE,
        "pandabase.watch_rotations": MINUTE,
        **INTERVALS,
    }
    return {
        task.replace(".", "-").replace("_", "-"): _entry(task, interval)
        for task, interval in intervals.items()
    }


def _entry(task: str, interval: timedelta) -> dict[str, Any]:
    seconds = interval.total_seconds()
    return {
        "task": task,
        "schedule": _schedule(task, interval),
        # Celery's own beat knows the first name, django-celery-beat the second alone.
        "options": {"expires": seconds, "expire_seconds": max(1, int(seconds))},
    }


def _schedule(task: str, interval: timedelta) -> timedelta | crontab:
    """Fixed times where hours of a day can name them.

    A beat that starts on an empty disk counts an interval from its own start: replaced often
    enough, it would never fire.
    """
    hours, rest = divmod(interval, HOUR)
    if not hours or rest or DAY % interval:
        return interval
    first = _FIRST_OF_THE_DAY[task]
    hour = str(first.hour) if interval == DAY else f"*/{hours}"
    return crontab(minute=str(first.minute), hour=hour)
