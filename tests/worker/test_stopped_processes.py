"""Real processes that are killed, stopped, or meet each other, on PostgreSQL."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from pandabase_django.sandbox import Sandbox
from tests.sync.world import seeds
from tests.worker.shop import PATIENCE_SECONDS, Shop
from tests.worker.tables import fresh_database

pytestmark = [pytest.mark.worker, pytest.mark.postgres]

SEEDS = seeds("PANDABASE_SOAK_KILLS", 1)
KILLS_PER_SEED = 3
ROWS = """
    SELECT (SELECT coalesce(max(xmin::text::bigint), 0) FROM {0}),
           (SELECT count(*) FROM {0}), (SELECT md5(string_agg(t::text, '' ORDER BY t::text))
    FROM {0} AS t)
"""
MIRRORS = ("order", "orderitem", "customer", "product", "productvariant", "category", "synccursor")


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 3, "products": 120, "orders": 700, "latency_ms": 4}


@pytest.fixture
def shop(sandbox: Sandbox) -> Iterator[Shop]:
    with fresh_database() as url, closing(Shop(url)) as running:
        running.open(sandbox)
        yield running


def _wait_for_requests(sandbox: Sandbox, number: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while sandbox.requests_served < number:
        assert time.monotonic() < deadline, "the sync sends nothing"
        time.sleep(0.002)


def _tables(shop: Shop) -> dict[str, object]:
    """What stands in the mirrors and cursors, with the newest transaction that wrote each."""
    with psycopg.connect(shop.environment["DATABASE_URL"]) as database:
        return {
            name: database.execute(ROWS.format(f"pandabase_{name}")).fetchone()  # type: ignore[call-overload]
            for name in MIRRORS
        }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sync_killed_again_and_again_ends_equal(shop: Shop, sandbox: Sandbox, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(KILLS_PER_SEED):
        victim = shop.start("pandabase_sync", lease_seconds=0.5)
        number = sandbox.requests_served + dice.randint(3, 400)
        while sandbox.requests_served < number and victim.poll() is None:
            time.sleep(0.002)
        time.sleep(dice.random() * 0.05)
        shop.kill(victim)
        sandbox.change(
            [
                {"op": "create_order", "count": 30},
                {"op": "refund_order", "index": dice.randrange(700)},
                {"op": "delete_product", "index": dice.randrange(120)},
                {"op": "edit_product", "index": dice.randrange(120), "fields": {"price": 9}},
            ]
        )
        time.sleep(0.5)  # the lease of the dead
    for _ in range(2):
        code, text = shop.finish(shop.start("pandabase_sync"))
        assert code == 0, text
    assert shop.differences(sandbox, "order", "product") == []


@pytest.mark.parametrize("requests", [5, 120], ids=["in-the-list", "in-the-details"])
def test_a_sweep_stopped_past_its_lease_writes_no_row_when_it_goes_on(
    shop: Shop, sandbox: Sandbox, requests: int
) -> None:
    sleeper = shop.start("pandabase_sync", "--resource", "orders", lease_seconds=2)
    _wait_for_requests(sandbox, sandbox.requests_served + requests)
    os.kill(sleeper.pid, signal.SIGSTOP)
    time.sleep(2.2)
    code, text = shop.finish(shop.start("pandabase_sync", "--resource", "orders"))
    assert code == 0, text
    assert shop.differences(sandbox, "order") == []
    before = _tables(shop)
    os.kill(sleeper.pid, signal.SIGCONT)
    code, text = shop.finish(sleeper)
    assert code == 1, text
    assert "The lease passed to another worker" in text or "database was out of reach" in text
    assert _tables(shop) == before


def test_a_sweep_stopped_inside_a_transaction_locks_nobody_out(
    shop: Shop, sandbox: Sandbox
) -> None:
    sleeper = shop.start("pandabase_sync", "--resource", "orders", lease_seconds=2)
    url = shop.environment["DATABASE_URL"]
    _wait_for_requests(sandbox, sandbox.requests_served + 20)
    with psycopg.connect(url, autocommit=True) as database:
        # Held, so that the sync stands still inside a transaction whose lease row it has locked.
        database.execute("BEGIN")
        database.execute("LOCK TABLE pandabase_orderitem IN SHARE MODE")
        busy = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        deadline = time.monotonic() + PATIENCE_SECONDS
        while database.execute(busy).fetchone() == (0,):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(sleeper.pid, signal.SIGSTOP)
        database.execute("COMMIT")
    code, text = shop.finish(shop.start("pandabase_sync", "--resource", "orders"))
    assert code == 0, text
    before = _tables(shop)
    os.kill(sleeper.pid, signal.SIGCONT)
    code, text = shop.finish(sleeper)
    assert code == 1, text
    assert _tables(shop) == before
    assert shop.differences(sandbox, "order") == []


def test_of_two_commands_at_once_one_runs_and_the_other_names_it(
    shop: Shop, sandbox: Sandbox
) -> None:
    sandbox.set(latency_ms=60)
    runs = shop.start("pandabase_sync", "--resource", "orders", lease_seconds=6)
    _wait_for_requests(sandbox, sandbox.requests_served + 3)
    started = time.monotonic()
    code, text = shop.finish(shop.start("pandabase_sync", "--resource", "orders", lease_seconds=6))
    assert code == 4, text
    assert f"(process {runs.pid})" in text
    assert "Waiting" in text
    assert time.monotonic() - started > 6
    sandbox.set(latency_ms=0)
    code, text = shop.finish(runs)
    assert code == 0, text
    assert shop.differences(sandbox, "order") == []


def test_a_command_goes_on_when_the_one_before_it_ends(shop: Shop, sandbox: Sandbox) -> None:
    sandbox.set(latency_ms=5)
    first = shop.start("pandabase_sync", "--resource", "orders")
    _wait_for_requests(sandbox, sandbox.requests_served + 3)
    second = shop.start("pandabase_sync", "--resource", "orders")
    assert [shop.finish(first)[0], shop.finish(second)[0]] == [0, 0]
    assert shop.counts()["completed"] == 2


def test_a_run_whose_process_was_killed_is_found_and_closed(shop: Shop, sandbox: Sandbox) -> None:
    victim = shop.start("pandabase_sync", "--resource", "orders", lease_seconds=0.5)
    _wait_for_requests(sandbox, sandbox.requests_served + 60)
    shop.kill(victim)
    reaped, state, error = shop.run(
        "from django.utils import timezone\n"
        "from pandabase_django.models import SyncRun\n"
        "from pandabase_django.tasks import reap_stalled_runs\n"
        "assert reap_stalled_runs() == 0\n"
        "ago = timezone.now() - timezone.timedelta(minutes=6)\n"
        "SyncRun.objects.update(heartbeat_at=ago)\n"
        "reaped = reap_stalled_runs()\n"
        "run = SyncRun.objects.get()\n"
        "print(json.dumps([reaped, run.state, run.error]))"
    )
    assert (reaped, state) == (1, "STALLED")
    assert "no sign of life" in error
    code, text = shop.finish(shop.start("pandabase_sync", "--resource", "orders"))
    assert code == 0, text
