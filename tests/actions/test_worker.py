"""A real worker is killed amid its actions: nothing is done twice, and nothing forgotten."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection, transaction

from pandabase_django.models import RemoteAction
from tests.actions.conftest import Shop, pass_time
from tests.brokers import broker_at
from tests.required import skip
from tests.worker.shop import PATIENCE_SECONDS, redis_url
from tests.worker.shop import Shop as Workers

pytestmark = [
    pytest.mark.worker,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="its tables are in memory"),
]

# As beat does each minute.
SWEEP = """
import tests.worker.app
from pandabase_django.tasks import sweep_actions
sweep_actions.delay()
"""
WAITS_FOR_ME = """
SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))
"""
SLOWLY: dict[str, Any] = {"action": "delay", "args": {"seconds": 12}}


@pytest.fixture
def workers(db: None) -> Iterator[Workers]:
    """Workers at the tables of this process."""
    broker = redis_url()
    if broker is None:
        skip("redis", reason="no Redis answers; CI starts one")
    at = {name: quote(str(value)) for name, value in connection.settings_dict.items()}
    running = Workers(
        f"postgres://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}",
        CELERY_BROKER_URL=broker,
        CELERY_TASK_DEFAULT_QUEUE=f"test-{uuid.uuid4().hex}",
    )
    yield running
    running.close()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_a_worker_killed_at_any_point_does_nothing_twice_and_forgets_nothing(
    shop: Shop, workers: Workers
) -> None:
    """Four actions at once: not yet sent, on the way (executed or not), and with its answer."""
    tried = {name: shop.attempt(name) for name in ("more", "pause", "refund", "cancel")}
    at = {name: {"path_regex": this.path + "$"} for name, this in tried.items()}
    shop.sandbox.fault(
        [
            {"match": {"path_regex": f"/{tried['more'].row.pk}/upcoming-invoice"}, **SLOWLY},
            {"match": at["pause"], **SLOWLY},
            {"match": at["refund"], **SLOWLY},
            {"match": at["refund"], "action": "status"},
            {"match": at["cancel"], "action": "delay", "args": {"seconds": 1}},
        ]
    )
    with broker_at("redis://127.0.0.1:9/0"):  # so that the sweep hands them on
        asked = {name: this.ask() for name, this in tried.items()}

    def ends() -> dict[str, tuple[str, str]]:
        rows = RemoteAction.objects.values_list("pk", "state", "settled_by")
        found = {pk: end for pk, *end in rows}
        return {name: tuple(found[action.pk]) for name, action in asked.items()}

    worker = workers.start_worker(concurrency=4)
    workers.run(SWEEP)
    wait_until(lambda: all(rule["fired"] for rule in shop.sandbox._faults.report()))
    with transaction.atomic(), connection.cursor() as cursor:
        RemoteAction.objects.select_for_update().get(pk=asked["cancel"].pk)

        def waits() -> bool:
            cursor.execute(WAITS_FOR_ME)
            return cursor.fetchone() is not None

        wait_until(waits)
        assert ends() == {
            "more": ("PREPARED", ""),
            "pause": ("SENT", ""),
            "refund": ("SENT", ""),
            "cancel": ("SENT", ""),
        }
        workers.kill(worker)
    workers.start_worker(concurrency=2)
    due = RemoteAction.objects.exclude(next_attempt_at=None)
    for minutes in (3, 62):
        for action in asked.values():
            pass_time(action, minutes=minutes)
        workers.run(SWEEP)
        wait_until(lambda: not RemoteAction.objects.filter(state="PREPARED").exists())
        wait_until(lambda: not due.exclude(state="UNKNOWN").exclude(state="SENT").exists())
    wait_until(lambda: not due.exists())
    assert ends() == {
        "more": ("DONE", "ANSWER"),
        "pause": ("DONE", "READING"),
        "refund": ("REFUSED", "READING"),
        "cancel": ("DONE", "READING"),
    }
    assert [this.is_done() for this in tried.values()] == [True, True, False, True]
    assert shop.posts(tried["more"].path) == 1
    # The answers to the others may be on their way still; what has arrived is counted.
    assert [rule["matched"] for rule in shop.sandbox._faults.report()[1:]] == [1, 1, 1, 1]
