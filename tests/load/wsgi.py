"""What gunicorn serves."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.load.settings")

# The app that hands tasks to the broker; a shop's own package does this in its __init__.
from tests.worker.app import app as celery_app  # noqa: F401

application = get_wsgi_application()
