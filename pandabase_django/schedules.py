"""A ready schedule for Celery beat::

app.conf.beat_schedule = {**beat_schedule(), **my_own}
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pandabase_django.conf import conf

__all__ = ["beat_schedule"]


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Sync every store each ``SYNC_INTERVAL_SECONDS``, look after stalled runs and open rotations
    each minute, and rotate secrets that are due by their age each hour.

    The request log is fetched every six hours: the remote forgets it after 30 days.

    A sync that waits longer than its interval for a worker is dropped: the next one does its work.

    Raises:
        ConfigurationError: The interval is not a number, or out of range.
    """
    interval = timedelta(seconds=conf.sync_interval_seconds)
    return {
        "pandabase-sync-all": {
            "task": "pandabase.sync_all",
            "schedule": interval,
            "options": {"expires": interval.total_seconds()},
        },
        "pandabase-reap-stalled-runs": {
            "task": "pandabase.reap_stalled_runs",
            "schedule": timedelta(minutes=1),
            "options": {"expires": 60},
        },
        "pandabase-sweep-webhooks": {
            "task": "pandabase.sweep_webhooks",
            "schedule": timedelta(minutes=1),
            "options": {"expires": 60},
        },
        "pandabase-finish-webhook-rotations": {
            "task": "pandabase.finish_webhook_rotations",
            "schedule": timedelta(hours=1),
            "options": {"expires": 3600},
        },
        "pandabase-prune-webhooks": {
            "task": "pandabase.prune_webhooks",
            "schedule": timedelta(days=1),
        },
        "pandabase-watch-rotations": {
            "task": "pandabase.watch_rotations",
            "schedule": timedelta(minutes=1),
            "options": {"expires": 60},
        },
        "pandabase-rotate-due-secrets": {
            "task": "pandabase.rotate_due_secrets",
            "schedule": timedelta(hours=1),
            "options": {"expires": 3600},
        },
        "pandabase-prune-changes": {
            "task": "pandabase.prune_changes",
            "schedule": timedelta(days=1),
        },
        "pandabase-archive-request-logs": {
            "task": "pandabase.archive_request_logs",
            "schedule": timedelta(hours=6),
            "options": {"expires": 3600},
        },
    }
