"""How often the scheduled tasks run: for beat, and to notice one that does not run.

Imported by settings modules: nothing here may need Django's apps.
"""

from __future__ import annotations

from datetime import timedelta

__all__ = ["INTERVALS", "SYNC_ALL", "SYNC_SELDOM"]

SYNC_ALL = "pandabase.sync_all"
SYNC_SELDOM = "pandabase.sync_seldom"
INTERVALS = {
    "pandabase.archive_request_logs": timedelta(hours=6),
    "pandabase.finish_webhook_rotations": timedelta(hours=1),
    "pandabase.prune_changes": timedelta(days=1),
    "pandabase.prune_webhooks": timedelta(days=1),
    "pandabase.rotate_due_secrets": timedelta(hours=1),
    SYNC_SELDOM: timedelta(hours=6),
}
"""Those that come each hour or less often. ``SYNC_ALL`` has a setting; others come each minute."""
