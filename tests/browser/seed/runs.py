"""Sync runs in states that the sandbox does not lead to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from pandabase_django.models import Store, SyncRun

__all__ = ["fill_runs"]


def fill_runs(store: Store, user: Any) -> None:
    """Runs that ended badly, and one that goes on."""
    now = timezone.now()
    failed = SyncRun.objects.create(
        store=store,
        resource="orders",
        state=SyncRun.State.FAILED,
        trigger=SyncRun.Trigger.ADMIN,
        started_by=user,
        started_at=now - timedelta(hours=3),
        heartbeat_at=now - timedelta(hours=3),
        finished_at=now - timedelta(hours=3) + timedelta(seconds=4),
        requests=3,
        error="HTTP 503: the remote answered three times that it is unavailable.",
        request_id="req_5c1f0c",
    )
    SyncRun.objects.filter(pk=failed.pk).update(warnings=["Order ord_1: U+0000 was replaced."])
    SyncRun.objects.create(
        store=store,
        resource="orders",
        state=SyncRun.State.POSTPONED,
        trigger=SyncRun.Trigger.SCHEDULE,
        started_at=now - timedelta(hours=2),
        heartbeat_at=now - timedelta(hours=2),
        finished_at=now - timedelta(hours=2) + timedelta(seconds=3),
        waiting_until=now + timedelta(minutes=12),
        requests=41,
        error="HTTP 429: the rate limit of the token is used up.",
    )
    SyncRun.objects.create(
        store=store,
        resource="products",
        trigger=SyncRun.Trigger.ADMIN,
        started_by=user,
        started_at=now - timedelta(seconds=40),
        heartbeat_at=now + timedelta(hours=1),
        phase="products",
        progress_done=23,
        progress_total=60,
        requests=4,
    )
