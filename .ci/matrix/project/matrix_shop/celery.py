"""The demo's Celery app, with a schedule made of this shop's settings."""

from __future__ import annotations

from demo_project.celery import app
from pandabase_django.schedules import beat_schedule

__all__ = ["app"]

app.conf.beat_schedule = beat_schedule()
