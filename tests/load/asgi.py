"""What uvicorn serves: Django as it is, and with its deliveries bounded."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from pandabase_django.asgi import bounded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.load.settings")

# The app that hands tasks to the broker; a shop's own package does this in its __init__.
from tests.worker.app import app as celery_app  # noqa: F401

plain = get_asgi_application()
application = bounded(plain)
