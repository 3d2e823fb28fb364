"""A deploy: SIGTERM ends a sync at its next batch, and what was left is taken up at once."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pandabase_django.sandbox import Sandbox
from tests.required import skip
from tests.worker.shop import Shop, redis_url, wait_for_requests

pytestmark = [pytest.mark.thorough, pytest.mark.worker]


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 3, "products": 5, "orders": 600, "latency_ms": 60}


@pytest.fixture
def shop(sandbox: Sandbox, tmp_path: Path) -> Iterator[Shop]:
    broker = redis_url()
    if broker is None:
        skip("redis", reason="no Redis answers; CI starts one")
    running = Shop(
        f"sqlite:///{tmp_path / 'shop.sqlite3'}",
        CELERY_BROKER_URL=broker,
        CELERY_TASK_DEFAULT_QUEUE=f"test-{uuid.uuid4().hex}",
    )
    running.open(sandbox)
    yield running
    running.close()


def _state(shop: Shop) -> dict[str, Any]:
    return shop.run(
        "from pandabase_django.models import SyncCursor, SyncRun\n"
        "print(json.dumps({'runs': list(SyncRun.objects.order_by('pk')"
        ".values_list('state', flat=True)), 'held': SyncCursor.objects.exclude("
        "lease_until=None).count()}))"
    )


@pytest.mark.redis
def test_a_worker_ends_its_sync_frees_the_lease_and_puts_the_task_back(
    shop: Shop, sandbox: Sandbox
) -> None:
    worker = shop.start_worker()
    shop.sync_orders(sandbox)
    wait_for_requests(sandbox, sandbox.requests_served + 60)
    worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=60)
    assert _state(shop) == {"runs": ["POSTPONED"], "held": 0}
    sandbox.set(latency_ms=1)
    shop.start_worker()
    shop.wait_until(lambda counts: counts["completed"] == 1)
    # A task that took longer than three seconds is given out again: a third run may be there.
    assert _state(shop)["runs"][:2] == ["POSTPONED", "COMPLETED"]
    assert shop.differences(sandbox, "order") == []


def test_the_command_ends_its_sync_and_frees_the_lease(shop: Shop, sandbox: Sandbox) -> None:
    running = shop.start("pandabase_sync", "--resource", "orders")
    wait_for_requests(sandbox, sandbox.requests_served + 60)
    running.send_signal(signal.SIGTERM)
    code, text = shop.finish(running)
    assert code == 143, text
    assert "Stopped by SIGTERM" in text
    assert "Traceback" not in text
    assert _state(shop) == {"runs": ["CANCELLED"], "held": 0}
