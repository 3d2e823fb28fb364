"""From the sandbox's refund to the order's row, through a real server, broker and worker."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from pandabase_django.sandbox import Sandbox
from tests.ports import free_port
from tests.worker.shop import PATIENCE_SECONDS, ROOT, Shop
from tests.worker.test_worker import shop

__all__ = ["shop"]

pytestmark = [pytest.mark.worker, pytest.mark.thorough]

# With the shop's Celery app, as its package would import it.
SERVER = """
import sys, tests.worker.app
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "runserver", "--noreload", sys.argv[1]])
"""


@pytest.fixture
def address(shop: Shop) -> Iterator[str]:
    """A web server of the shop; gives where it listens."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, f"127.0.0.1:{port}"],
        env={**shop.environment, "DJANGO_SETTINGS_MODULE": "tests.webhooks.shop_settings"},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _answers(port):
            if server.poll() is not None:
                assert server.stderr is not None
                raise AssertionError(server.stderr.read().decode())
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.communicate()


def _answers(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_refund_at_the_remote_is_here_without_any_sync(
    shop: Shop, sandbox: Sandbox, address: str
) -> None:
    version = "V2" if shop.environment["CELERY_BROKER_URL"].startswith("redis") else "V1"
    endpoint_id = os.urandom(20).hex()
    hook = sandbox.add_webhook(
        f"{address}/pandabase/webhooks/{endpoint_id}", signature_version=version
    )
    shop.run(
        "from django.utils import timezone\n"
        "from datetime import timedelta\n"
        "from pandabase_django.crypto.secret import Secret\n"
        "from pandabase_django.models import Store, SyncRun, WebhookEndpoint\n"
        "from pandabase_django.services.sync.runs import sync_resource\n"
        f"store = Store.objects.get(pk={sandbox.store_id!r})\n"
        "sync_resource(store, resource='orders', trigger=SyncRun.Trigger.COMMAND)\n"
        f"WebhookEndpoint.objects.create(pk={endpoint_id!r}, store=store,"
        f" secret=Secret({hook['secret']!r}),"
        " v1_allowed_until=timezone.now() + timedelta(hours=1))"
    )
    shop.start_worker()
    sandbox.set(webhook_duplicates=2, webhook_jitter_ms=50)
    order_id = next(
        touched
        for touched in sandbox.change([{"op": "refund_order", "index": 3}])
        if touched.startswith("ord_")
    )
    refunded = next(o["status"] for o in sandbox.dump("orders") if o["id"] == order_id)
    deadline = time.monotonic() + PATIENCE_SECONDS
    state: dict[str, object] = {}
    while time.monotonic() < deadline:
        state = shop.run(
            "from pandabase_django.models import Order, WebhookDelivery\n"
            "print(json.dumps({"
            f"'status': Order.objects.get(pk={order_id!r}).status,"
            " 'deliveries': list(WebhookDelivery.objects.values_list('version', 'state'))}))"
        )
        if state == {"status": refunded, "deliveries": [[version, "PROCESSED"]]}:
            break
        time.sleep(0.3)
    assert state == {"status": refunded, "deliveries": [[version, "PROCESSED"]]}
    assert sandbox.wait_for_deliveries()
