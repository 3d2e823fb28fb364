"""What a real web server of these tests needs: PostgreSQL, a queue of Redis, an endpoint."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
import redis
from django.db import connection

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import Store, WebhookEndpoint
from tests.load.deliveries import SECRET
from tests.required import skip


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    broker = os.environ.get("CELERY_BROKER_URL", "")
    if connection.vendor != "postgresql" or not broker.startswith("redis"):
        skip("load", reason="needs PostgreSQL and Redis: DATABASE_URL and CELERY_BROKER_URL")
    database = connection.settings_dict
    queue = f"load-{uuid.uuid4().hex}"
    yield {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.load.settings",
        "DATABASE_URL": (
            f"postgres://{database['USER']}:{database['PASSWORD']}"
            f"@{database['HOST']}:{database['PORT']}/{database['NAME']}"
        ),
        "CELERY_TASK_DEFAULT_QUEUE": queue,
    }
    with redis.Redis.from_url(broker) as client:
        client.delete(queue)


@pytest.fixture
def endpoint() -> WebhookEndpoint:
    store = Store.objects.create(pk="shp_load", title="Load")
    endpoint = WebhookEndpoint(store=store)
    endpoint.secret = Secret(SECRET)
    endpoint.save()
    return endpoint
