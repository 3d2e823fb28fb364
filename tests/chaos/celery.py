"""The shop's Celery app; what changes seldom is read each minute as well."""

from __future__ import annotations

from datetime import timedelta

from demo_project.celery import app
from pandabase_django.intervals import SYNC_SELDOM
from pandabase_django.schedules import beat_schedule

__all__ = ["app"]

app.conf.beat_schedule = {
    **beat_schedule(),
    "seldom": {"task": SYNC_SELDOM, "schedule": timedelta(seconds=60), "options": {"expires": 60}},
}
