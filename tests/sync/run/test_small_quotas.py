"""A remote that allows few requests at a time: what has arrived is kept, each window goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from pandabase_django.models import Order, Product, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.runs import sync_resource
from tests.connecting import connect
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences

pytestmark = pytest.mark.django_db(transaction=True)

WINDOW = 90  # requests


def open_window(sandbox: Sandbox, requests: int, path: str = "") -> None:
    """From now on so many requests are answered; then the limit is exhausted for minutes."""
    cache.clear()
    sandbox.clear_faults()
    args = {"status": 429, "retry_after_seconds": 300}
    rule = {"match": {"path_regex": path}, "nth": requests + 1, "times": 0}
    sandbox.fault([{**rule, "action": "status", "args": args}])


@pytest.mark.fact(29)
def test_each_window_of_a_small_quota_brings_details_further(sandbox: Sandbox, sync: Sync) -> None:
    detailed: list[int] = []
    for _ in range(4):
        open_window(sandbox, WINDOW)
        sync("orders")
        detailed.append(Order.objects.filter(detailed_at__isnull=False).count())
    # A dozen of each window are lists; answers that overtook the one that was refused are lost.
    least = WINDOW - 20
    assert detailed[0] >= least
    assert detailed[1] >= detailed[0] + least
    assert detailed[2] >= min(230, detailed[1] + least)
    assert detailed[3] == 230
    sandbox.clear_faults()
    cache.clear()
    assert sync("orders").run.state == "COMPLETED"
    assert order_differences(sandbox) == []


@pytest.fixture
def large(settings: Any) -> Iterator[Sandbox]:
    cache.clear()
    # One connection, so that pages are asked for in their order.
    settings.PANDABASE = {**settings.PANDABASE, "CONCURRENCY": 1}
    with Sandbox(seed=7, products=900, orders=900, categories=0) as sandbox:
        connect(sandbox)
        yield sandbox


def sync_of_the_store(resource: str) -> SyncRun:
    store = Store.objects.get()
    return sync_resource(store, resource=resource, trigger=SyncRun.Trigger.COMMAND).run


def test_pages_of_orders_that_arrived_are_kept_and_not_read_again(large: Sandbox) -> None:
    open_window(large, 5, path="/orders$")
    assert sync_of_the_store("orders").state == "FAILED"
    assert Order.objects.count() == 500
    open_window(large, 0, path="/orders/ord_")
    before = len(large.requests())
    sync_of_the_store("orders")
    assert Order.objects.count() == 900
    (first, *_) = (r for r in large.requests()[before:] if "sort=asc" in r["query"])
    assert "page=5&" in first["query"]


def test_pages_of_products_that_arrived_are_kept(large: Sandbox) -> None:
    open_window(large, 5, path="/products$")
    assert sync_of_the_store("products").state == "FAILED"
    assert Product.objects.count() == 300  # the first and the last page are asked for before
