"""Pages that hold fewer rows than were asked for."""

from __future__ import annotations

from typing import Any

import pytest

from pandabase_django.models import Order, Product, SyncCursor
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.orders.orders import ORDERS
from pandabase_django.services.sync.readings import rolling
from pandabase_django.services.sync.run.checkpoints import Checkpoints
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences, product_differences

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 120, "orders": 450, "page_cap": 50}


def test_the_rolling_pass_covers_the_whole_list(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    # Nothing but the list shows it: no refund, no count.
    sandbox.change(
        [{"op": "edit_order", "index": 330, "fields": {"customer.email": "a@b.example"}}]
    )
    for _ in range(6):
        sync("orders")
    assert order_differences(sandbox) == []


def test_products_of_short_pages_are_all_here(sandbox: Sandbox, sync: Sync) -> None:
    assert sync("products").run.state == "COMPLETED"
    assert product_differences(sandbox) == []


def test_a_vanished_order_is_found_where_it_was(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    (pk,) = sandbox.change([{"op": "remove_order", "index": 410}])
    Order.objects.filter(pk=pk).update(dirty=True)
    sync("orders")
    assert Order.objects.get(pk=pk).gone_at is not None


def test_pages_that_grow_or_shrink_between_two_runs(sandbox: Sandbox, sync: Sync) -> None:
    for cap in (50, 0, 20, 100, 30):
        sandbox.set(page_cap=cap)
        sandbox.change([{"op": "create_order", "count": 130}])
        assert sync("orders").run.state == "COMPLETED"
        assert order_differences(sandbox) == []


def test_a_limit_that_the_pages_do_not_keep_is_not_believed(sandbox: Sandbox, sync: Sync) -> None:
    """The pagination speaks of 100 rows a page, and each page holds 50."""
    sandbox.set(page_cap=0)
    sandbox.change([{"op": "create_product", "count": 130}])
    sandbox.set(page_cap=50)
    match = {"path_regex": "/products$", "query": {"limit": "100"}}
    edits = {"set": {"data.pagination.limit": 100, "data.pagination.totalPages": 3}}
    sandbox.fault([{"match": match, "action": "edit_body", "times": 0, "args": edits}])
    sync("products")
    assert Product.objects.count() == 250


def test_hurry_in_a_hurried_round_lets_another_one_follow(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    cursor = SyncCursor.objects.get()

    class Context:
        pass

    context: Any = Context()
    context.checkpoints = Checkpoints(cursor.checkpoint)
    rolling.hurry(context, ORDERS)
    current = context.checkpoints.of("orders", rolling.Round)
    current.page = 7
    rolling.hurry(context, ORDERS)
    current = context.checkpoints.of("orders", rolling.Round)
    assert (current.page, current.hurry) == (7, True)
    current.page = 9
    cursor.checkpoint = context.checkpoints.to_json()
    cursor.save()
    sync("orders")
    cursor.refresh_from_db()
    current = Checkpoints(cursor.checkpoint).of("orders", rolling.Round)
    assert (current.hurry, current.page, current.again) == (True, 0, False)
