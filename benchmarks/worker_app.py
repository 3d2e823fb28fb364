"""The Celery app of the bench's worker processes."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")

app = Celery("benchmarks")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_finalize.connect
def _keep_to_the_schedule(sender: Celery, **_: object) -> None:
    from pandabase_django.schedules import beat_schedule

    sender.conf.beat_schedule = beat_schedule()
