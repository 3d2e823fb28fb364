"""Two worker processes read the details of one run; a killed one costs nothing but time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from pandabase_django.sandbox import Sandbox
from tests.worker.shop import Shop, redis_url

pytestmark = [pytest.mark.worker, pytest.mark.postgres]

ORDERS = 1500


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 3, "products": 5, "orders": ORDERS, "latency_ms": 15}


@pytest.fixture
def shop(sandbox: Sandbox, django_db_blocker: Any) -> Iterator[Shop]:
    broker = redis_url()
    if connection.vendor != "postgresql" or broker is None:
        pytest.skip("helpers need PostgreSQL (DATABASE_URL) and Redis; CI starts both")
    # A database of its own beside that of the tests, which is filled in one transaction.
    name = f"worker_{uuid.uuid4().hex[:12]}"
    server = settings.DATABASES["default"]
    login = f"{server['USER']}:{server['PASSWORD']}@{server['HOST']}:{server['PORT'] or 5432}"
    with django_db_blocker.unblock(), connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    running = Shop(
        f"postgres://{login}/{name}",
        CELERY_BROKER_URL=broker,
        CELERY_TASK_DEFAULT_QUEUE=f"test-{uuid.uuid4().hex}",
    )
    try:
        running.open(sandbox)
        yield running
    finally:
        running.close()
        with django_db_blocker.unblock(), connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _records(shop: Shop) -> dict[str, Any]:
    return shop.run(
        "from pandabase_django.models import SyncRun\n"
        "run = SyncRun.objects.get(resource='orders')\n"
        "step = next(s for s in run.steps if s['strategy'] == 'orders: details')\n"
        "print(json.dumps({'state': run.state, 'requests': run.requests,"
        " 'details': step['requests'], 'warnings': run.warnings,"
        " 'helpers': [[h.state, h.requests] for h in run.helpers.all()]}))"
    )


def _is_complete(counts: dict[str, int]) -> bool:
    return counts["completed"] == 1


def test_workers_share_the_details_and_read_none_twice(shop: Shop, sandbox: Sandbox) -> None:
    shop.start_worker()
    shop.start_worker()
    shop.sync_orders(sandbox)
    shop.wait_until(_is_complete)
    records = _records(shop)
    assert shop.differences(sandbox, "order") == []
    ((state, helped),) = [h for h in records["helpers"] if h[1]]
    assert state == "COMPLETED"
    assert ORDERS / 5 < helped < ORDERS
    assert records["details"] == ORDERS
    asked = [r["path"] for r in sandbox.requests() if "/orders/ord_" in r["path"]]
    assert len(asked) == len(set(asked)) == ORDERS
    assert records["requests"] == sandbox.requests_served - 1  # one was the token's test


def test_the_run_reads_what_a_killed_helper_was_given(shop: Shop, sandbox: Sandbox) -> None:
    first = shop.start_worker()
    shop.sync_orders(sandbox)
    sandbox.set(latency_ms=80)
    shop.wait_until(lambda counts: counts["detailed"] > 0)
    second = shop.start_worker()
    shop.wait_until(lambda counts: counts["helped"] > 0)
    shop.kill(second)
    sandbox.set(latency_ms=2)
    assert first.poll() is None
    # The record of the dead would be waited for as long as a slow one; the test does not.
    shop.run(
        "from pandabase_django.models import SyncRun\n"
        "SyncRun.objects.filter(resource='details').update(heartbeat_at='2020-01-01T00:00:00Z')"
    )
    shop.wait_until(_is_complete)
    assert shop.differences(sandbox, "order") == []
    assert any(state == "RUNNING" for state, _ in _records(shop)["helpers"])
