"""Deletes old records of what was done, in small steps, so that no table grows for ever."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef, Subquery
from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.models import RemoteAction, RotationAttempt, SyncCursor, SyncRun

__all__ = ["prune_actions", "prune_rotations", "prune_runs"]

ROWS_PER_DELETE = 500


def prune_runs() -> int:
    """Delete the records of runs older than ``RUN_RETENTION_DAYS``. Returns how many.

    They stay as long as the notes of what they changed, which go with them. The newest of each
    resource stays whatever its age: it says how the last run ended.
    """
    days = max(conf.run_retention_days, conf.change_retention_days)
    before = timezone.now() - timedelta(days=days)
    same = SyncRun.objects.filter(store=OuterRef("store"), resource=OuterRef("resource"))
    cursors = SyncCursor.objects.order_by().annotate(
        newest=Subquery(same.order_by("-pk").values("pk")[:1])
    )
    newest = set(cursors.values_list("newest", flat=True))
    pruned, after = 0, 0
    while True:
        # Their ids follow their time, so that no index is needed for it.
        rows = SyncRun.objects.filter(pk__gt=after).order_by("pk")
        step = list(rows.values_list("pk", "started_at", "state")[:ROWS_PER_DELETE])
        old = [
            pk
            for pk, started_at, state in step
            if started_at < before and state != SyncRun.State.RUNNING and pk not in newest
        ]
        _, deleted = SyncRun.objects.filter(pk__in=old).delete()
        pruned += deleted.get(SyncRun._meta.label, 0)
        if len(step) < ROWS_PER_DELETE or step[-1][1] >= before:
            return pruned
        after = step[-1][0]


def prune_actions() -> int:
    """Delete actions that were closed more than ``ACTION_RETENTION_DAYS`` ago. Returns how many.

    What is open, or whose rows were not read again yet, stays whatever its age.
    """
    before = timezone.now() - timedelta(days=conf.action_retention_days)
    old = RemoteAction.objects.filter(closed_at__lt=before, next_attempt_at__isnull=True)
    pruned = 0
    while ids := list(old.order_by("closed_at").values_list("pk", flat=True)[:ROWS_PER_DELETE]):
        RemoteAction.objects.filter(pk__in=ids).delete()
        pruned += len(ids)
    return pruned


def prune_rotations() -> int:
    """Delete closed rotations older than ``ROTATION_RETENTION_DAYS``. Returns how many.

    The newest of each token stays, and so does what keeps an answer, or what another one follows.
    """
    before = timezone.now() - timedelta(days=conf.rotation_retention_days)
    pruned = 0
    while True:
        old = RotationAttempt.objects.filter(
            closed_at__lt=before, reply__isnull=True, followed_by__isnull=True
        )
        newer = RotationAttempt.objects.filter(prepared_at__gt=OuterRef("prepared_at"))
        old = old.filter(Exists(newer.filter(token=OuterRef("token"))))
        ids = list(old.order_by("closed_at").values_list("pk", flat=True)[:ROWS_PER_DELETE])
        if not ids:
            return pruned
        RotationAttempt.objects.filter(pk__in=ids).delete()
        pruned += len(ids)
