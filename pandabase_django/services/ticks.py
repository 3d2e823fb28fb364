"""Signs of life of the scheduled tasks, left by the tasks themselves.

Beat leaves no trace of its own. A task that beat has enqueued, and that ran, proves more than a
trace of beat would: beat, the broker and a worker were all up.
"""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from pandabase_django.models import TaskTick

__all__ = ["last_ticks", "tick"]


def tick(task: str) -> None:
    """Note that this scheduled task runs now."""
    TaskTick.objects.update_or_create(task=task, defaults={"at": timezone.now()})


def last_ticks() -> dict[str, datetime]:
    """When each scheduled task last ran; a task that never did is missing."""
    return dict(TaskTick.objects.values_list("task", "at"))
