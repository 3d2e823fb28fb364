"""Lets running syncs reach a checkpoint before the secret they use is rolled.

A sync that meets the dead secret takes the new one and goes on; the wait spares it the repeated
requests. So it is bounded, and shown on the attempt.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from pandabase_django.conf import conf
from pandabase_django.models import ApiToken, RotationAttempt, SyncRun
from pandabase_django.services.rotation.context import RotationContext

__all__ = ["running_syncs", "wait_for_checkpoints"]

SILENT_AFTER = timedelta(minutes=2)  # a run without a sign of life that long will reach nothing
LOOK_EVERY_SECONDS = 0.5


def running_syncs(token: ApiToken) -> list[SyncRun]:
    """Syncs of the token's store that run now."""
    return list(
        SyncRun.objects.filter(
            store_id=token.store_id,
            state=SyncRun.State.RUNNING,
            heartbeat_at__gt=timezone.now() - SILENT_AFTER,
        ).order_by("pk")
    )


def wait_for_checkpoints(attempt: RotationAttempt, *, context: RotationContext) -> None:
    """Wait until each sync that runs now has saved its numbers again, or has ended.

    At most ``PANDABASE["ROTATION_WAIT_SECONDS"]``; then the rotation goes on all the same.
    """
    began = {run.pk: run.heartbeat_at for run in running_syncs(attempt.token)}
    waited = 0.0
    shown = ""
    while waited < conf.rotation_wait_seconds:
        behind = [
            run for run in running_syncs(attempt.token) if began.get(run.pk) == run.heartbeat_at
        ]
        words = ", ".join(f"{run.get_resource_display()} ({run.pk})" for run in behind)
        if words != shown:
            shown = words
            attempt.phase = (
                f"Waiting for running syncs to reach a checkpoint: {words}" if words else ""
            )
            RotationAttempt.objects.filter(pk=attempt.pk).update(phase=attempt.phase)
            context.on_change(attempt)
        if not behind:
            return
        context.sleep(LOOK_EVERY_SECONDS)
        waited += LOOK_EVERY_SECONDS
    RotationAttempt.objects.filter(pk=attempt.pk).update(phase="")
