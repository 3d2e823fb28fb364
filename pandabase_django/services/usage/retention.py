"""Deletes usage that was settled long ago."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.models import UsageRecord

__all__ = ["prune_usage"]

ROWS_PER_DELETE = 2000


def prune_usage() -> int:
    """Delete what was sent or dropped more than ``USAGE_RETENTION_DAYS`` ago. Returns how many.

    What still waits, or waits for a person, stays whatever its age. So does what a person dropped
    and has a key: without its row, the key would be recorded and billed as a new one.
    """
    before = timezone.now() - timedelta(days=conf.usage_retention_days)
    pruned, after = 0, 0
    while True:
        # Their ids follow their time, so that no index is needed for it.
        rows = UsageRecord.objects.filter(pk__gt=after).order_by("pk")
        columns = ("pk", "recorded_at", "settled_at", "state", "key")
        step = list(rows.values_list(*columns)[:ROWS_PER_DELETE])
        old = [
            pk
            for pk, _, settled_at, state, key in step
            if state not in UsageRecord.UNSETTLED
            and not (state == UsageRecord.State.DROPPED and key)
            and settled_at
            and settled_at < before
        ]
        pruned += UsageRecord.objects.filter(pk__in=old).delete()[0]
        if len(step) < ROWS_PER_DELETE or step[-1][1] >= before:
            return pruned
        after = step[-1][0]
