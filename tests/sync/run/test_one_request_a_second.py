"""A remote that allows one request a second: a sync waits, and is complete."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from pandabase_django.models import Order, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.runs import sync_resource
from pandabase_django.services.tokens.clients import client_for
from tests.connecting import connect

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fact(29), pytest.mark.thorough]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    cache.clear()
    with Sandbox(seed=7, products=3, orders=5) as running:
        connect(running)
        running.set(rate_limit=1)
        yield running
    cache.clear()


def test_a_full_sync_waits_for_each_request_and_is_complete(sandbox: Sandbox) -> None:
    before = sandbox.requests_served
    result = sync_resource(
        Store.objects.get(), resource="orders", trigger=SyncRun.Trigger.COMMAND, full=True
    )
    run = result.run
    assert (run.state, run.error) == ("COMPLETED", "")
    assert Order.objects.filter(detailed_at__isnull=False).count() == 5
    refused = sum(entry["status"] == 429 for entry in sandbox.requests()[before:])
    assert refused <= run.requests  # one thread asks for all: hardly any is refused
    # Nearly all of its time went into the limit, and no second is counted for each thread.
    assert 0.5 * run.seconds < run.seconds_waited <= run.seconds + 0.5


def test_waits_before_a_retry_are_no_waits_for_a_limit(sandbox: Sandbox) -> None:
    sandbox.set(rate_limit=0)
    rule = {"action": "status", "args": {"status": 503}, "times": 2}
    sandbox.fault([{"match": {"method": "GET"}, **rule}])
    with client_for(Store.objects.get()) as client:
        client.products.list()
        assert client.traffic.requests_sent == 3
        assert client.traffic.seconds_waited == 0
