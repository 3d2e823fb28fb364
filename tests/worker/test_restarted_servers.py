"""The database and the broker go away in the middle of a sync, and come back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from pandabase_django.sandbox import Sandbox
from tests.worker.servers import OwnPostgres, OwnRedis
from tests.worker.shop import Shop, wait_for_requests

pytestmark = [pytest.mark.thorough, pytest.mark.worker]


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 3, "products": 120, "orders": 600, "latency_ms": 5}


@pytest.mark.postgres
def test_a_database_that_is_restarted_in_the_middle_costs_one_run_and_no_row(
    sandbox: Sandbox,
) -> None:
    database = OwnPostgres()
    shop = Shop(database.url)
    try:
        shop.open(sandbox)
        running = shop.start("pandabase_sync", "--resource", "orders", lease_seconds=1)
        wait_for_requests(sandbox, sandbox.requests_served + 330)
        database.stop()
        database.start()
        code, text = shop.finish(running)
        assert code == 1, text
        assert "The database was out of reach. The next run goes on from here." in text
        assert "Traceback" not in text
        before = shop.counts()
        assert 0 < before["detailed"] < 600
        assert before["completed"] == 0
        time.sleep(1)  # the lease of the run that could not give it back
        code, text = shop.finish(shop.start("pandabase_sync", "--resource", "orders"))
        assert code == 0, text
        assert shop.differences(sandbox, "order") == []
    finally:
        shop.close()
        database.close()


@pytest.mark.redis
def test_a_broker_that_is_restarted_in_the_middle_costs_nothing(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    broker = OwnRedis(tmp_path)
    shop = Shop(f"sqlite:///{tmp_path / 'shop.sqlite3'}", CELERY_BROKER_URL=broker.url)
    enqueue = (
        "import tests.worker.app\n"
        "from pandabase_django.tasks import sync_orders\n"
        f"sync_orders.delay({sandbox.store_id!r})"
    )
    try:
        shop.open(sandbox)
        shop.start_worker()
        shop.run(enqueue)
        wait_for_requests(sandbox, sandbox.requests_served + 150)
        broker.kill()
        time.sleep(0.5)
        broker.start()
        shop.wait_until(lambda counts: counts["completed"] > 0)
        assert shop.differences(sandbox, "order") == []
        # The worker has found its broker again.
        sandbox.change([{"op": "create_order", "count": 3}])
        shop.run(enqueue)
        shop.wait_until(lambda counts: counts["detailed"] == 603)
    finally:
        shop.close()
        broker.close()
