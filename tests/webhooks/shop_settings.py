"""A shop's web server and worker for the tests that take something away from them."""

from __future__ import annotations

from tests.worker.settings import *  # noqa: F403
from tests.worker.settings import CELERY_BROKER_URL, env

ALLOWED_HOSTS = ["*"]
if CELERY_BROKER_URL.startswith("redis"):
    # As docs/celery.md says, but for shorter waits.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "socket_timeout": env.float("BROKER_SOCKET_TIMEOUT", default=1.0),
        "socket_connect_timeout": 1.0,
        "visibility_timeout": 3,
    }
