"""The Celery app of a shop, for the worker processes that the tests start.

Run with DJANGO_SETTINGS_MODULE=tests.worker.settings.
"""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.worker.settings")

app = Celery("tests.worker")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
