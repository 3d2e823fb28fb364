"""A shop's web server as docs/webhooks.md advises it: persistent connections, a shared cache."""

from __future__ import annotations

from tests.worker.settings import *  # noqa: F403
from tests.worker.settings import DATABASES, env

# Under ASGI each request has a thread of its own, and the connection ends with it.
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}
ALLOWED_HOSTS = ["127.0.0.1"]
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2}
