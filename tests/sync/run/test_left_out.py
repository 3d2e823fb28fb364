"""While the remote is unchanged, each run says the same of what can't be kept here."""

from __future__ import annotations

from typing import Any

import pytest

from pandabase_django.models import Order, Product, Refund, Store, Subscription
from pandabase_django.sandbox import Sandbox
from tests.sync.conftest import Sync

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]

MODELS: dict[str, Any] = {
    "orders": Order,
    "products": Product,
    "subscriptions": Subscription,
    "refunds": Refund,
}


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 120, "orders": 450}  # five pages of orders


@pytest.fixture(autouse=True)
def _large_catalog(settings: Any) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "PRODUCTS_READ_WHOLE": 50}


def states(sync: Sync, resource: str, times: int = 6) -> list[str]:
    return [sync(resource).run.state for _ in range(times)]


@pytest.mark.parametrize("resource", MODELS)
def test_a_row_of_another_store_is_reported_by_each_run_until_it_is_here(
    sandbox: Sandbox, sync: Sync, store: Store, resource: str
) -> None:
    if resource == "refunds":
        sandbox.change([{"op": "refund_order", "index": index} for index in range(220)])
    states(sync, resource, 2)
    row = MODELS[resource].objects.order_by("created_at")[3]
    MODELS[resource].objects.filter(pk=row.pk).update(store=Store.objects.create(id="shp_other"))
    sync(resource, full=True)
    for _ in range(6):
        run = sync(resource).run
        assert run.state == "PARTIAL"
        assert any(row.pk in text and "belongs to" in text for text in run.warnings)
    MODELS[resource].objects.filter(pk=row.pk).update(store=store)
    sync(resource, full=True)
    assert set(states(sync, resource)) == {"COMPLETED"}


@pytest.mark.parametrize("resource", ["orders", "products"])
def test_a_row_that_can_not_be_read_is_reported_until_the_list_is_without_it(
    sandbox: Sandbox, sync: Sync, resource: str
) -> None:
    states(sync, resource, 2)
    op = f"rename_{resource.removesuffix('s')}"
    (pk,) = sandbox.change([{"op": op, "index": 3, "to": "x" * 129}])[-1:]
    sync(resource, full=True)
    assert set(states(sync, resource)) == {"PARTIAL"}
    sandbox.change([{"op": op, "id": pk, "to": "x_again"}])
    sync(resource, full=True)
    assert set(states(sync, resource, 3)) == {"COMPLETED"}


def test_what_came_into_order_by_itself_is_reported_for_no_more_than_two_rounds(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("orders")
    row = Order.objects.order_by("created_at")[3]
    Order.objects.filter(pk=row.pk).update(store=Store.objects.create(id="shp_other"))
    states(sync, "orders", 4)
    assert sync("orders").run.state == "PARTIAL"
    sandbox.change([{"op": "remove_order", "id": row.pk}])
    assert states(sync, "orders", 10)[-1] == "COMPLETED"
