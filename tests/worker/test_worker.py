"""A real worker process syncs, is killed in the middle, and the rows end equal all the same."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pandabase_django.sandbox import Sandbox
from tests.required import skip
from tests.worker.shop import Shop, redis_url

pytestmark = [pytest.mark.thorough, pytest.mark.worker]

ORDERS = 700


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 3, "products": 20, "orders": ORDERS, "latency_ms": 4}


@pytest.fixture(params=["filesystem", "redis"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, sandbox: Sandbox) -> Iterator[Shop]:
    extra: dict[str, str] = {}
    if request.param == "redis":
        url = redis_url()
        if url is None:
            skip("redis", reason="no Redis on its standard port; CI starts one")
        # Another queue for each test: a killed worker's message must not meet the next test.
        extra = {"CELERY_BROKER_URL": url, "CELERY_TASK_DEFAULT_QUEUE": f"test-{uuid.uuid4().hex}"}
    else:
        (tmp_path / "broker" / "control").mkdir(parents=True)
        extra = {"CELERY_BROKER_URL": "filesystem://", "BROKER_FOLDER": str(tmp_path / "broker")}
    running = Shop(f"sqlite:///{tmp_path / 'shop.sqlite3'}", **extra)
    running.open(sandbox)
    yield running
    running.close()


def _all_there(sandbox: Sandbox) -> Callable[[dict[str, int]], bool]:
    orders = sandbox.dump("orders")
    items = sum(len(order["items"]) for order in orders)
    return lambda counts: (
        counts["detailed"] == len(orders) and counts["items"] == items and counts["completed"] > 0
    )


def test_a_worker_killed_in_the_middle_leaves_nothing_half_done(
    shop: Shop, sandbox: Sandbox
) -> None:
    worker = shop.start_worker()
    shop.sync_orders(sandbox)
    shop.wait_until(lambda counts: 0 < counts["detailed"] < ORDERS)
    shop.kill(worker)
    broken_off = shop.counts()
    assert broken_off["completed"] == 0
    assert broken_off["items"] > 0

    # The lease of the dead runs out by itself; the test does not wait a minute for it.
    shop.run(
        "from pandabase_django.models import SyncCursor\n"
        "SyncCursor.objects.update(lease_until=None)"
    )
    if shop.environment["CELERY_BROKER_URL"].startswith("filesystem"):
        # This broker loses the message of a killed worker: beat's next run goes on.
        shop.sync_orders(sandbox)
    else:
        # Redis gives the message to a worker that looks after the visibility time-out; a
        # running one looks at its start and then every 100 seconds.
        time.sleep(4)
    shop.start_worker()
    shop.wait_until(_all_there(sandbox))


def test_a_task_delivered_twice_does_its_work_once(shop: Shop, sandbox: Sandbox) -> None:
    shop.sync_orders(sandbox)
    shop.sync_orders(sandbox)
    shop.start_worker()
    shop.wait_until(_all_there(sandbox))
    counts = shop.wait_until(lambda counts: counts["completed"] >= 1)
    assert counts["orders"] == ORDERS


@pytest.mark.fact(29)
def test_a_long_wait_for_a_rate_limit_puts_the_task_back_and_keeps_no_worker(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "broker" / "control").mkdir(parents=True)
    shop = Shop(
        f"sqlite:///{tmp_path / 'shop.sqlite3'}",
        CELERY_BROKER_URL="filesystem://",
        BROKER_FOLDER=str(tmp_path / "broker"),
        MAX_WAIT_SECONDS="1",
    )
    try:
        shop.open(sandbox)
        args = {"status": 429, "retry_after_seconds": 6}
        match = {"method": "GET", "path_regex": "/orders$"}
        sandbox.fault([{"match": match, "nth": 3, "action": "status", "args": args}])
        shop.start_worker()
        shop.sync_orders(sandbox)
        shop.wait_until(_all_there(sandbox))
        runs = shop.run(
            "from pandabase_django.models import SyncRun\n"
            "print(json.dumps(list(SyncRun.objects.order_by('pk').values_list("
            "'state', 'error', 'seconds_waited'))))"
        )
    finally:
        shop.close()
    (put_back, error, waited), (done, _, _) = runs
    assert (put_back, done) == ("POSTPONED", "COMPLETED")
    assert "rate limit" in error
    assert waited < 3
