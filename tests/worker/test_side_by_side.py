"""Syncs, webhook deliveries and a secret rotation at once, in real processes; it ends equal."""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from pandabase_django.sandbox import Sandbox
from tests.load.server import Gunicorn
from tests.required import skip
from tests.worker.shop import PATIENCE_SECONDS, Shop, redis_url
from tests.worker.tables import fresh_database

pytestmark = [pytest.mark.worker, pytest.mark.postgres, pytest.mark.redis]

SEEDS = range(int(os.environ.get("PANDABASE_SOAK_SIDE_BY_SIDE", "1")))
ROUNDS = 4

ADD_ENDPOINT = """
from pandabase_django.models import Store, WebhookEndpoint
print(json.dumps(str(WebhookEndpoint.objects.create(store=Store.objects.get()).pk)))
"""
SET_SECRET = """
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import WebhookEndpoint
endpoint = WebhookEndpoint.objects.get()
endpoint.secret = Secret({secret!r})
endpoint.save()
"""
SYNC = """
import tests.worker.app
from pandabase_django.models import Store
from pandabase_django.tasks import sync_store
sync_store.delay(Store.objects.get().pk)
"""
ROTATE = """
import tests.worker.app
from pandabase_django.models import ApiToken
from pandabase_django.services.rotation import request_rotation
from pandabase_django.tasks import rotate_secret
attempt = request_rotation(ApiToken.objects.get(), reason="test", trigger="ADMIN")
rotate_secret.delay(str(attempt.pk))
"""
SWEEP = """
import tests.worker.app
from django.utils import timezone
from pandabase_django.models import WebhookDelivery
from pandabase_django.tasks import sweep_webhooks
# What a worker has claimed stays with it.
WebhookDelivery.objects.filter(state="PENDING", enqueued_at=None).update(
    next_attempt_at=timezone.now())
sweep_webhooks.delay()
"""


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {
        "seed": 5,
        "products": 60,
        "orders": 250,
        "latency_ms": 3,
        "webhook_duplicates": 1,
        "webhook_jitter_ms": 300.0,
    }


@pytest.fixture
def shop(sandbox: Sandbox) -> Iterator[Shop]:
    broker = redis_url()
    if broker is None:
        skip("redis", reason="no Redis answers; CI starts one")
    with fresh_database() as url:
        running = Shop(
            url,
            CELERY_BROKER_URL=broker,
            CELERY_TASK_DEFAULT_QUEUE=f"test-{uuid.uuid4().hex}",
            MARK_GONE_AFTER_SECONDS="600",
        )
        running.open(sandbox)
        yield running
        running.close()


def _query(shop: Shop, sql: str) -> list[Any]:
    with psycopg.connect(shop.environment["DATABASE_URL"], autocommit=True) as connection:
        return connection.execute(sql).fetchall()  # type: ignore[arg-type]


def _sync(shop: Shop) -> None:
    code, text = shop.finish(shop.start("pandabase_sync"))
    assert code == 0, text


def _sales(sandbox: Sandbox, dice: random.Random) -> None:
    orders = [order["id"] for order in sandbox.dump("orders")]
    new, sold = dice.sample(orders[-30:], 4), dice.sample(orders, 4)
    sandbox.change(
        [
            {"op": "create_order", "count": dice.randint(1, 6), "status": "PENDING"},
            *({"op": "set_order_status", "id": pk, "status": "COMPLETED"} for pk in new),
            *(
                {"op": "edit_order", "id": pk, "fields": {"amount": dice.randrange(99)}}
                for pk in new
            ),
            *({"op": f"{dice.choice(['refund', 'dispute'])}_order", "id": pk} for pk in sold),
            {"op": "create_product", "fields": {"title": "new"}},
            {"op": "edit_product", "index": dice.randrange(60), "fields": {"price": 7}},
        ]
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_syncs_deliveries_and_a_rotation_beside_each_other_end_equal(
    shop: Shop, sandbox: Sandbox, seed: int
) -> None:
    dice = random.Random(seed)
    endpoint = shop.run(ADD_ENDPOINT)
    served = {**shop.environment, "DJANGO_SETTINGS_MODULE": "tests.load.settings"}
    with Gunicorn(served, "--workers", "1", "--worker-class", "gthread", "--threads", "4") as web:
        url = f"http://127.0.0.1:{web.port}/pandabase/webhooks/{endpoint}"
        shop.run(SET_SECRET.format(secret=sandbox.add_webhook(url)["secret"]))
        _sync(shop)
        shop.start_worker(concurrency=4)
        before = sandbox.secret_of(sandbox.hmac_token.token_id)
        sandbox.set(detail_lag_seconds=0.5, lag_share=0.3)
        for number in range(ROUNDS):
            _sales(sandbox, dice)
            shop.run(SYNC)
            if number == ROUNDS // 2:
                shop.run(ROTATE)
        sandbox.set(detail_lag_seconds=0.0)
        assert sandbox.wait_for_deliveries(timeout_seconds=PATIENCE_SECONDS)
        deadline = time.monotonic() + PATIENCE_SECONDS
        waiting = (
            "SELECT event, attempts, next_attempt_at, enqueued_at, last_error, now()"
            " FROM pandabase_webhookdelivery WHERE state = 'PENDING'"
        )
        while left := _query(shop, waiting):
            assert time.monotonic() < deadline, left
            shop.run(SWEEP)
    done = "SELECT count(*) FROM pandabase_webhookdelivery WHERE state = 'PROCESSED'"
    assert _query(shop, done) > [(ROUNDS * 5,)]
    dead = "SELECT last_error FROM pandabase_webhookdelivery WHERE state = 'DEAD'"
    assert _query(shop, dead) == []
    rolled = _query(shop, "SELECT state FROM pandabase_rotationattempt")
    assert rolled == [("DONE",)]
    assert sandbox.secret_of(sandbox.hmac_token.token_id) != before
    for _ in range(2):
        _sync(shop)
    failed = "SELECT resource, error FROM pandabase_syncrun WHERE state = 'FAILED'"
    assert _query(shop, failed) == []
    assert shop.differences(sandbox, "order", "product") == []
