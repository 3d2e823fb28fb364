"""Two write the same rows at one time: nobody fails, and what stands here is the later word."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from pandabase_django.models import (
    Category,
    Customer,
    MirrorRow,
    Order,
    OrderItem,
    Product,
    ProductVariant,
    RequestLog,
    Store,
)
from pandabase_django.models.sync import Resource
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.mirror.upsert import upsert
from pandabase_django.services.sync.orders.summaries import write_summaries
from pandabase_django.services.sync.refresh import fetch_order
from pandabase_django.services.tokens.clients import client_for
from tests.sync.beside import beside
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer"),
]


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": 10, "orders": 40}


def compares_list_rows(sql: str) -> bool:
    return sql.startswith("SELECT") and "list_digest" in sql and "json_array_elements" in sql


def looks_at(model: type[Any]) -> Callable[[str], bool]:
    return lambda sql: sql.startswith("SELECT") and f'FROM "{model._meta.db_table}"' in sql


def changes(model: type[Any]) -> Callable[[str], bool]:
    return lambda sql: sql.startswith(f'UPDATE "{model._meta.db_table}"')


def two_items(sandbox: Sandbox) -> tuple[dict[str, Any], dict[str, Any]]:
    """An order with two line items, and another one."""
    orders = sandbox.dump("orders")
    one = next(order for order in orders if len(order["items"]) >= 2)
    return one, next(order for order in orders if order["id"] != one["id"])


def give_items(sandbox: Sandbox, pk: str, items: list[dict[str, Any]]) -> None:
    sandbox.change([{"op": "edit_order", "id": pk, "fields": {"items": items}}])


def test_two_deliveries_that_insert_orders_of_one_list_batch(
    sandbox: Sandbox, store: Store
) -> None:
    with client_for(store) as client:
        batch = client.orders.rows.list(page=1, limit=100, sort="asc").items
    one, other = (partial(fetch_order, store, batch[n].id) for n in (3, 7))
    with beside(compares_list_rows, one, other, after=True), transaction.atomic():
        noted = write_summaries(batch, store_id=store.pk, now=timezone.now(), dry_run=False)
    assert Order.objects.count() == len(batch)
    assert batch[3].id not in noted.new
    assert noted.unchanged + len(noted.new) + len(noted.changed) == len(batch)


def test_a_run_beside_deliveries_of_what_it_inserts_ends_equal(
    sandbox: Sandbox, store: Store, sync: Sync
) -> None:
    ids = [order["id"] for order in sandbox.dump("orders")]
    deliveries = [partial(fetch_order, store, ids[n]) for n in (3, 7, 11)]
    with beside(compares_list_rows, *deliveries[:2], after=True):
        result = sync("orders")
    assert (result.run.state, result.run.warnings) == ("COMPLETED", [])
    assert order_differences(sandbox) == []


def test_deliveries_of_one_new_order_at_once_end_equal(
    sandbox: Sandbox, store: Store, sync: Sync
) -> None:
    sync("orders")
    (new,) = sandbox.change([{"op": "create_order"}])
    together = [partial(fetch_order, store, new) for _ in range(2)]
    with beside(looks_at(Order), *together, after=True):
        fetch_order(store, new)
    assert order_differences(sandbox) == []


@pytest.mark.parametrize("model", [Category, Product, ProductVariant, OrderItem, Customer])
def test_a_row_that_another_store_inserts_meanwhile_is_left_there(
    db: None, model: type[MirrorRow]
) -> None:
    now = timezone.now()
    for pk in ("shp_a", "shp_b"):
        Store.objects.create(pk=pk)

    def row(pk: str, store_id: str) -> Any:
        times = {"first_seen_at": now, "synced_at": now}
        return model(id=pk, store_id=store_id, digest=f"of {store_id}", **times)

    with beside(looks_at(model), row("x_1", "shp_b").save, after=True), transaction.atomic():
        outcome = upsert(model, [row(pk, "shp_a") for pk in ("x_0", "x_1", "x_2")])
    assert outcome.created == 2
    assert list(outcome.left_out.values()) == [
        "x_1 belongs to store shp_b already; it was left out."
    ]
    found = dict(model._default_manager.values_list("pk", "store_id"))
    assert found == {"x_0": "shp_a", "x_1": "shp_b", "x_2": "shp_a"}


def test_entries_of_the_log_that_another_store_inserts_meanwhile_are_kept_twice(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    with client_for(store) as client:
        for _ in range(5):
            client.products.list(limit=1)
    other = Store.objects.create(pk="shp_b")
    known = [f"log_{request['seq']:024d}" for request in sandbox.requests()]

    def insert() -> None:
        rows = [RequestLog(id=pk, store=other, synced_at=timezone.now()) for pk in known[:3]]
        RequestLog.objects.bulk_create(rows)

    with beside(looks_at(RequestLog), insert, after=True):
        result = sync(Resource.REQUEST_LOGS)
    ours = RequestLog.objects.filter(store=store)
    paths = set(ours.values_list("payload__id", flat=True))
    assert paths >= set(known)
    assert result.run.rows_created == ours.count()
    assert RequestLog.objects.filter(store=other).count() == 3


def test_a_line_item_that_moves_while_its_order_drops_it_stays(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("orders")
    old = timezone.now() - timedelta(days=1)
    OrderItem.objects.update(first_seen_at=old)
    one, other = two_items(sandbox)
    moving = one["items"][0]
    give_items(sandbox, one["id"], one["items"][1:])
    give_items(sandbox, other["id"], [*other["items"], moving])
    with beside(changes(OrderItem), partial(fetch_order, store, other["id"])):
        fetch_order(store, one["id"])
    item = OrderItem.objects.get(pk=moving["id"])
    assert (item.order_id, item.gone_at) == (other["id"], None)
    sync("orders")
    assert order_differences(sandbox) == []


def test_a_line_item_that_another_order_takes_first_is_not_waited_for(
    sandbox: Sandbox, sync: Sync, store: Store, settings: Any, caplog: Any
) -> None:
    """Who takes it waits for the order that drops it: the two would wait for each other."""
    settings.PANDABASE = {**settings.PANDABASE, "MARK_GONE_AFTER_SECONDS": 600}
    sync("orders")
    one, other = two_items(sandbox)
    moving = one["items"][0]
    give_items(sandbox, one["id"], one["items"][1:])
    give_items(sandbox, other["id"], [*other["items"], moving])

    def marks_the_order_that_lost_it(sql: str) -> bool:
        return sql.startswith('UPDATE "pandabase_order"') and "digest" in sql

    late = partial(fetch_order, store, one["id"])
    with caplog.at_level("INFO"), beside(marks_the_order_that_lost_it, late):
        fetch_order(store, other["id"])
    assert "gave way" not in caplog.text
    item = OrderItem.objects.get(pk=moving["id"])
    assert (item.order_id, item.gone_at) == (other["id"], None)
    sync("orders")
    assert order_differences(sandbox) == []


def test_an_order_whose_new_line_item_another_one_takes_is_read_again(
    sandbox: Sandbox, sync: Sync, store: Store
) -> None:
    sync("orders")
    one, other = two_items(sandbox)
    new = {**one["items"][0], "id": "itm_new"}
    for order in (one, other):
        give_items(sandbox, order["id"], [*order["items"], new])
    with beside(looks_at(OrderItem), partial(fetch_order, store, other["id"]), after=True):
        fetch_order(store, one["id"])
    assert OrderItem.objects.get(pk="itm_new").order_id == one["id"]
    assert Order.objects.get(pk=other["id"]).dirty


class Crossing:
    """Locks a customer, then the order that somebody else has locked, who wants the customer."""

    def __init__(self, pk: str, customer_id: str) -> None:
        self._order, self._customer = pk, customer_id
        self.locked = threading.Event()

    def __call__(self) -> None:
        with transaction.atomic():
            with connection.cursor() as cursor:
                # The other one notices, and gives way.
                cursor.execute("SET LOCAL deadlock_timeout = '30s'")
            Customer.objects.select_for_update().get(pk=self._customer)
            self.locked.set()
            Order.objects.select_for_update().get(pk=self._order)


def locks_customers(sql: str) -> bool:
    return 'FROM "pandabase_customer"' in sql and "FOR NO KEY UPDATE" in sql


@pytest.fixture
def crossing(sandbox: Sandbox, sync: Sync) -> Crossing:
    """With an order that has changed."""
    sync("orders")
    named = Order.objects.filter(customer__isnull=False).order_by("-created_at")
    pk, customer_id = named.values_list("pk", "customer_id")[0]
    fields = {"customer.email": "new@example.com", "amount": 5}
    sandbox.change([{"op": "edit_order", "id": pk, "fields": fields}])
    return Crossing(pk, customer_id)


def test_a_batch_that_gives_way_to_another_transaction_is_written_again(
    sandbox: Sandbox, sync: Sync, crossing: Crossing
) -> None:
    with beside(locks_customers, crossing):
        result = sync("orders")
    assert crossing.locked.is_set()
    assert (result.run.state, result.error) == ("COMPLETED", None)
    assert result.run.rows_updated == 1
    assert order_differences(sandbox) == []


def test_a_single_order_that_gives_way_is_written_again(
    sandbox: Sandbox, store: Store, crossing: Crossing
) -> None:
    before = sandbox.requests_served
    with beside(locks_customers, crossing):
        fetch_order(store, crossing._order)
    assert sandbox.requests_served == before + 1
    assert order_differences(sandbox) == []
