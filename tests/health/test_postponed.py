"""What a run that meets a rate limit is recorded as, by who could start it again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from pandabase_django.exceptions import RateLimited
from pandabase_django.models import SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.tasks import sync_orders
from tests.connecting import connect

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    cache.clear()
    with Sandbox(seed=6, products=2, orders=5) as running:
        connect(running, name="Main")
        args = {"status": 429, "retry_after_seconds": 600}
        match = {"method": "GET", "path_regex": "/orders$"}
        running.fault([{"match": match, "action": "status", "args": args, "times": 0}])
        yield running
    cache.clear()


def test_a_sync_called_as_a_function_has_failed_since_nobody_starts_it_again(
    sandbox: Sandbox,
) -> None:
    with pytest.raises(RateLimited):
        sync_orders(sandbox.store_id)
    run = SyncRun.objects.get()
    assert (run.state, run.waiting_until) == ("FAILED", None)


def test_a_sync_run_as_a_task_is_postponed_until_its_last_try(sandbox: Sandbox) -> None:
    sync_orders.apply([sandbox.store_id])
    assert [run.state for run in SyncRun.objects.order_by("pk")] == ["POSTPONED"] * 5 + ["FAILED"]
