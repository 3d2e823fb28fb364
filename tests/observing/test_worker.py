"""A real worker counts into the folder that a web process reads."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from celery.signals import worker_ready

from pandabase_django.sandbox import Sandbox
from tests.observing.scraping import TOKEN, URL, numbers
from tests.observing.test_pages import BLOCKS
from tests.worker.shop import Shop

pytestmark = [pytest.mark.worker, pytest.mark.thorough]

READ = f"""
from django.test import Client
answer = Client().get({URL!r}, headers={{"Authorization": "Bearer {TOKEN}"}})
assert answer.status_code == 200, answer.status_code
print(json.dumps(answer.content.decode()))
"""


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 3, "products": 2, "orders": 7}


@pytest.fixture
def shop(tmp_path: Path, sandbox: Sandbox) -> Iterator[Shop]:
    (tmp_path / "broker" / "control").mkdir(parents=True)
    (tmp_path / "metrics").mkdir()
    running = Shop(
        f"sqlite:///{tmp_path / 'shop.sqlite3'}",
        CELERY_BROKER_URL="filesystem://",
        BROKER_FOLDER=str(tmp_path / "broker"),
        DJANGO_SETTINGS_MODULE="tests.observing.shop_settings",
        PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "metrics"),
    )
    running.open(sandbox)
    yield running
    running.close()


def served_by_the_page(folder: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the worker's main process shows with the code of the how-to."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", folder)
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    (block,) = [block for block in BLOCKS if "worker_ready" in block]
    code = block.replace("9808", str(port)).replace("    start_http", "    return start_http")
    given: dict[str, Any] = {}
    exec(code, given)
    worker_ready.disconnect(given["serve_metrics"])
    server, thread = given["serve_metrics"]()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            return answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_what_forked_workers_count_a_web_process_shows(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = numbers(shop.run(READ))
    worker = shop.start_worker(concurrency=2)
    shop.sync_orders(sandbox)
    shop.wait_until(lambda counts: counts["completed"] > 0)
    shop.kill(worker)
    found = numbers(shop.run(READ))
    details = found["pandabase_requests_total", ("order_get", "200")]
    assert ("pandabase_requests_total", ("order_get", "200")) not in before
    assert details == 7
    assert found["pandabase_requests_total", ("orders_list", "200")] >= 1
    # That is the database's, and the same for whoever asks.
    assert found["pandabase_resource_unread_stores", ("orders",)] == 0

    folder = shop.environment["PROMETHEUS_MULTIPROC_DIR"]
    served = numbers(served_by_the_page(folder, monkeypatch))
    assert served["pandabase_requests_total", ("order_get", "200")] == 7
