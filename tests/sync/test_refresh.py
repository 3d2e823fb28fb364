"""One row is read again because a person asked for it, and that is noted."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from pandabase_django import tasks
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import LeaseHeld, ObjectNotFound
from pandabase_django.models import ApiToken, Order, Product, RowChange, Store, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.refresh import refresh_row
from pandabase_django.services.sync.run import lease as leases
from pandabase_django.services.tokens.clients import open_client
from tests.sync.conftest import Sync
from tests.sync.equality import order_differences, product_differences

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user_id() -> Any:
    return User.objects.create_user("anna").pk


def test_an_order_is_refreshed(sandbox: Sandbox, sync: Sync, user_id: Any) -> None:
    sync("orders")
    (pk, *_) = sandbox.change([{"op": "refund_order", "index": 3}])
    before = sandbox.requests_served
    refresh_row("order", pk, user_id=user_id)
    assert sandbox.requests_served == before + 1
    assert Order.objects.get(pk=pk).status == "REFUNDED"
    assert order_differences(sandbox) == []
    change = RowChange.objects.get(row_id=pk)
    assert (change.user_id, change.run_id, change.delivery_id) == (user_id, None, "")


def test_a_product_is_refreshed_and_leaves_no_run(
    sandbox: Sandbox, sync: Sync, user_id: Any
) -> None:
    sync("products")
    runs = SyncRun.objects.count()
    pk = sandbox.change([{"op": "edit_product", "index": 2, "fields": {"title": "New name"}}])[0]
    refresh_row("product", pk, user_id=user_id)
    assert Product.objects.get(pk=pk).title == "New name"
    assert product_differences(sandbox) == []
    assert SyncRun.objects.count() == runs
    change = RowChange.objects.get(row_id=pk)
    assert (change.user_id, change.kind) == (user_id, "CHANGED")
    assert "title" in change.columns


@pytest.mark.parametrize("deleted", [True, False])
def test_a_product_that_is_not_found_is_left_to_the_next_sync(
    sandbox: Sandbox, sync: Sync, deleted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    sync("products")
    pk = Product.objects.all()[2].pk
    if deleted:
        sandbox.change([{"op": "delete_product", "id": pk}])
    else:
        refused = {"action": "status", "args": {"status": 404}, "times": 0}
        sandbox.fault([{"match": {"path_regex": "/products/prd_"}, **refused}])
    with pytest.raises(ObjectNotFound):
        refresh_row("product", pk)
    caplog.set_level(logging.INFO, "pandabase_django.tasks")
    tasks.refresh_row("product", pk)  # a worker takes that for no failure
    assert vars(caplog.records[-1])["store"] == sandbox.store_id
    assert Product.objects.get(pk=pk).gone_at is None
    sync("products")
    assert (Product.objects.get(pk=pk).gone_at is not None) is deleted


def test_a_product_that_came_back_is_not_buried_after_one_list_without_it(
    sandbox: Sandbox, sync: Sync
) -> None:
    sync("products")
    (pk, *_) = sandbox.change([{"op": "hide_product", "index": 2}])  # unlisted, though it exists
    assert [sync("products").run.rows_gone > 0 for _ in range(2)] == [False, True]
    refresh_row("product", pk)
    assert Product.objects.get(pk=pk).gone_at is None
    assert [sync("products").run.rows_gone > 0 for _ in range(2)] == [False, True]


def test_a_product_waits_for_the_sync_that_reads_it(store: Store, sync: Sync) -> None:
    sync("products")
    leases.acquire(store_id=store.pk, resource="products")
    with pytest.raises(LeaseHeld):
        refresh_row("product", Product.objects.all()[0].pk)


def test_a_row_that_is_not_here_is_nothing_to_do(store: Store) -> None:
    refresh_row("order", "ord_none")
    refresh_row("product", "prd_none")


@pytest.mark.parametrize("model", ["order", "product"])
def test_a_row_is_refreshed_though_the_secret_is_replaced_meanwhile(
    sandbox: Sandbox, sync: Sync, token: ApiToken, model: str
) -> None:
    sync(f"{model}s")
    pk = (Order if model == "order" else Product).objects.values_list("pk", flat=True)[2]
    sandbox.change([{"op": f"edit_{model}", "id": pk, "fields": {"currency": "EUR"}}])

    def replace(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        """The client has read the secret, and sends nothing yet."""
        if "tokenpermission" in sql and token.secret_version == 1:
            token.secret_version = 2
            with open_client(token) as client:
                body = json.loads(client.roll_secret(token.token_id).body)
            token.secret = Secret(body["data"]["secret"])
            token.save()
        return execute(sql, *rest)

    with connection.execute_wrapper(replace):
        refresh_row(model, pk)
    assert [entry["status"] for entry in sandbox.requests()][-2:] == [401, 200]
    differences = {"order": order_differences, "product": product_differences}[model]
    assert differences(sandbox) == []
    token.refresh_from_db()
    assert (token.health, token.secret_version) == ("OK", 2)
