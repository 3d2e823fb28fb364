"""The web server of the bench, which hands its tasks to the bench's workers."""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

from benchmarks import worker_app

__all__ = ["application", "worker_app"]

application = get_wsgi_application()
