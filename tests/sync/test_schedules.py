"""Seeded: a store that changes while it is read, answers badly, or loses its reader at any point.

A share runs in CI. ``make soak`` sets PANDABASE_SOAK_SCHEDULES and PANDABASE_SOAK_FAULTS.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from pandabase_django.crypto.secret import Secret
from pandabase_django.models import (
    ApiToken,
    Category,
    Order,
    OrderItem,
    Product,
    ProductVariant,
    Store,
    SyncCursor,
    SyncRun,
)
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.connection import add_token
from pandabase_django.services.sync.runs import RunResult, sync_resource
from tests.sync.equality import order_differences, product_differences

pytestmark = pytest.mark.django_db(transaction=True)

SCHEDULES = range(int(os.environ.get("PANDABASE_SOAK_SCHEDULES", "5")))
FAULT_SEEDS = range(int(os.environ.get("PANDABASE_SOAK_FAULTS", "1")))
KILL_STRIDE = int(os.environ.get("PANDABASE_SOAK_KILL_STRIDE", "21"))

Change = dict[str, Any]


class World:
    """A store at the sandbox and its mirror."""

    def __init__(self, sandbox: Sandbox, dice: random.Random) -> None:
        self.sandbox = sandbox
        self.dice = dice
        token = sandbox.hmac_token
        self.store: Store = add_token(
            store_id=sandbox.store_id,
            mode="HMAC",
            secret=Secret(token.secret),
            token_id=token.token_id,
            base_url=sandbox.url,
        ).store
        self.products = len(sandbox.dump("products"))
        self.orders = len(sandbox.dump("orders"))

    def sync(self, resource: str, **options: Any) -> RunResult:
        trigger = SyncRun.Trigger.COMMAND
        return sync_resource(self.store, resource=resource, trigger=trigger, **options)

    def catalog_changes(self, many: int) -> list[Change]:
        dice = self.dice
        changes: list[Change] = []
        for _ in range(many):
            index = dice.randrange(self.products)
            op = dice.choice(["create", "edit", "edit", "delete", "undelete", "swap", "category"])
            if op == "create":
                changes.append({"op": "create_product", "fields": {"title": "new"}})
                self.products += 1
            elif op == "edit":
                fields = {"price": dice.randrange(9999)}
                changes.append({"op": "edit_product", "index": index, "fields": fields})
            elif op == "swap":
                # As one: no total tells of it, and whoever stands between is shifted.
                changes.append({"op": "delete_product", "index": index})
                other = dice.randrange(self.products)
                changes.append({"op": "undelete_product", "index": other})
            elif op == "category":
                fields = {"name": f"c{dice.randrange(99)}"}
                changes.append({"op": "edit_category", "index": 2, "fields": fields})
            else:
                changes.append({"op": f"{op}_product", "index": index})
        return changes

    def sales_changes(self, many: int) -> list[Change]:
        dice = self.dice
        changes: list[Change] = []
        for _ in range(many):
            index = dice.randrange(self.orders)
            op = dice.choice(["create", "create", "refund", "dispute", "status", "edit", "late"])
            if op == "create":
                count = dice.choice([1, 2, 40])
                status = dice.choice(["COMPLETED", "PENDING", "PROCESSING", "ON_HOLD"])
                known = status != "ON_HOLD"
                changes.append(
                    {
                        "op": "create_order",
                        "count": count,
                        "status": status if known else "COMPLETED",
                        "fields": {} if known else {"status": status},
                    }
                )
            elif op == "status":
                status = dice.choice(["COMPLETED", "CANCELLED", "FAILED", "PENDING"])
                changes.append({"op": "set_order_status", "index": index, "status": status})
                # The status may be what it was; then the list must tell in another way.
                fields = {"amount": dice.randrange(9999)}
                changes.append({"op": "edit_order", "index": index, "fields": fields})
            elif op == "edit":
                fields = {"amount": dice.randrange(9999)}
                changes.append({"op": "edit_order", "index": index, "fields": fields})
            elif op == "late":
                changes.append({"op": dice.choice(["hide_order", "show_order"]), "index": index})
            else:
                changes.append({"op": f"{op}_order", "index": index})
        return changes

    def show_all_orders(self) -> None:
        self.sandbox.change([{"op": "show_order", "index": i} for i in range(self.orders)])

    def false_tombstones(self) -> set[str]:
        """Rows marked as gone that the remote lists."""
        listed = {p["id"] for p in self.sandbox.dump("products", include_deleted=False)}
        listed |= {c["id"] for c in self.sandbox.dump("categories", include_deleted=False)}
        listed |= {o["id"] for o in self.sandbox.dump("orders")}
        gone: set[str] = set()
        for model in (Product, Category, Order):
            gone |= set(model.objects.filter(gone_at__isnull=False).values_list("pk", flat=True))
        return gone & listed

    def differences(self, resource: str) -> list[str]:
        return (product_differences if resource == "products" else order_differences)(self.sandbox)


@pytest.fixture
def world(db: None, request: pytest.FixtureRequest, settings: Any) -> Iterator[World]:
    cache.clear()
    dice = random.Random(getattr(request, "param", 0))
    settings.PANDABASE = {
        **settings.PANDABASE,
        "CONCURRENCY": dice.choice([1, 2, 4]),
        # A drip is cut off after connect and twice the read seconds.
        "CONNECT_TIMEOUT_SECONDS": 1.0,
        "READ_TIMEOUT_SECONDS": 0.6,
    }
    with Sandbox(seed=7, products=120, orders=230, categories=5) as sandbox:
        yield World(sandbox, dice)


@pytest.mark.parametrize("world", SCHEDULES, indirect=True)
@pytest.mark.fact(20)
def test_a_catalog_that_changes_while_it_is_read_buries_nothing_and_ends_equal(
    world: World,
) -> None:
    dice = world.dice
    if dice.random() < 0.8:
        world.sync("products")
    world.sandbox.set(deleted_product_get=dice.choice(["404", "200"]))
    for _ in range(dice.randint(1, 3)):
        world.sandbox.fault(
            [
                {
                    "match": {"method": "GET", "path_regex": "/(products|categories)"},
                    "nth": dice.randint(1, 12),
                    "times": dice.choice([1, 1, 3]),
                    "action": "none",
                    "changes": world.catalog_changes(dice.randint(1, 5)),
                }
                for _ in range(dice.randint(1, 3))
            ]
        )
        world.sync("products", full=dice.random() < 0.3)
        assert world.false_tombstones() == set()
        world.sandbox.clear_faults()
    for _ in range(2):
        assert world.sync("products").run.state == "COMPLETED"
        assert world.false_tombstones() == set()
    assert world.differences("products") == []


@pytest.mark.parametrize("world", SCHEDULES, indirect=True)
@pytest.mark.fact(22)
def test_orders_that_come_and_change_while_they_are_read_end_equal(world: World) -> None:
    dice = world.dice
    if dice.random() < 0.8:
        world.sync("orders")
    for _ in range(dice.randint(1, 3)):
        world.sandbox.fault(
            [
                {
                    "match": {"method": "GET", "path_regex": "/(orders|refunds|disputes)"},
                    "nth": dice.randint(1, 40),
                    # Once: the same edit again would move nothing but the details' updatedAt.
                    "times": 1,
                    "action": "none",
                    "changes": world.sales_changes(dice.randint(1, 5)),
                }
                for _ in range(dice.randint(1, 3))
            ]
        )
        world.sync("orders", full=dice.random() < 0.2)
        assert world.false_tombstones() == set()
        world.sandbox.clear_faults()
    world.show_all_orders()
    # What leaves no trace but in its own row comes round with the rolling pass.
    rounds = 2 + len(world.sandbox.dump("orders")) // 200
    for _ in range(rounds):
        assert world.sync("orders").run.state == "COMPLETED"
    assert world.false_tombstones() == set()
    assert world.differences("orders") == []


FAULTS: dict[str, Change] = {
    "401": {"action": "status", "args": {"status": 401}},
    "403": {"action": "status", "args": {"status": 403}},
    "404": {"action": "status", "args": {"status": 404}},
    "429": {"action": "status", "args": {"status": 429, "retry_after_seconds": 1}},
    "500": {"action": "status", "args": {"status": 500}},
    "503": {"action": "status", "args": {"status": 503}},
    "html": {"action": "html"},
    "empty-page": {"action": "empty_page"},
    "reset": {"action": "reset"},
    "close": {"action": "close"},
    "truncate": {"action": "truncate"},
    "cut-json": {"action": "cut_json"},
    "wrong-json": {"action": "wrong_json"},
    "null-data": {"action": "null_data"},
    "duplicates": {"action": "duplicate_items"},
    "drip": {"action": "drip", "args": {"bytes": 2, "seconds": 0.1}},
}


@pytest.mark.parametrize("world", FAULT_SEEDS, indirect=True)
@pytest.mark.parametrize("resource", ["products", "orders"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.fact(9)
def test_a_fault_anywhere_buries_nothing_and_loses_nothing(
    world: World, fault: str, resource: str
) -> None:
    dice = random.Random(f"{world.dice.random()} {fault} {resource}")
    world.dice = dice
    if dice.random() < 0.8:
        world.sync(resource)
    changes = world.catalog_changes if resource == "products" else world.sales_changes
    world.sandbox.change([change for change in changes(6) if not change["op"].startswith("hide")])
    paths = "/(products|categories)" if resource == "products" else "/(orders|refunds|disputes)"
    # An edited list answer needs a list; what is cut needs a body.
    only_lists = fault in ("empty-page", "duplicates")
    match = {"method": "GET", "path_regex": f"{paths}$" if only_lists else paths}
    times = dice.choice([1, 1, 2])
    world.sandbox.fault(
        [{"match": match, "nth": dice.randint(1, 12), "times": times, **FAULTS[fault]}]
    )
    world.sync(resource, full=dice.random() < 0.5)
    assert world.false_tombstones() == set()
    assert _buried_children(world) == set()
    world.sandbox.clear_faults()
    ApiToken.objects.update(health="OK")
    cache.clear()
    for _ in range(3):
        assert world.sync(resource).run.state == "COMPLETED"
    assert world.differences(resource) == []


def _buried_children(world: World) -> set[str]:
    live = {i["id"] for o in world.sandbox.dump("orders") for i in o["items"]}
    for product in world.sandbox.dump("products", include_deleted=False):
        live |= {variant["id"] for variant in product["variants"]}
    gone: set[str] = set()
    for model in (OrderItem, ProductVariant):
        gone |= set(model.objects.filter(gone_at__isnull=False).values_list("pk", flat=True))
    return gone & live


class Killed(BaseException):
    """The process is dead: nothing it still tries reaches the database."""


def _killer(at: int) -> tuple[Callable[..., Any], Callable[[], int]]:
    """Dies at the nth statement, and stays dead."""
    count = 0

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal count
        count += 1
        if count >= at:
            raise Killed
        return run(sql, params, many, context)

    return execute, lambda: count


@pytest.mark.parametrize("resource", ["products", "orders"])
@pytest.mark.parametrize("first", [True, False], ids=["first-sync", "later-sync"])
def test_a_reader_killed_before_any_statement_is_made_good_by_the_next_run(
    world: World, resource: str, first: bool
) -> None:
    if not first:
        world.sync(resource)
    changes = world.catalog_changes if resource == "products" else world.sales_changes
    at = world.dice.randint(1, KILL_STRIDE)
    while True:
        if first:
            _forget_everything()
        else:
            # What the next run alone must find; edits without a trace come round later.
            later = ("hide_order", "edit_order", "set_order_status")
            made = [change for change in changes(6) if change["op"] not in later]
            world.sandbox.change(made)
        execute, statements = _killer(at)
        died = False
        with connection.execute_wrapper(execute):
            try:
                world.sync(resource)
            except Killed:
                died = True
        _let_the_lease_pass()
        assert world.false_tombstones() == set()
        assert world.sync(resource).run.state == "COMPLETED"
        assert world.differences(resource) == [], f"killed before statement {at}"
        if not died:
            assert statements() < at
            break
        at += KILL_STRIDE
    assert at > KILL_STRIDE


def _let_the_lease_pass() -> None:
    SyncCursor.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


def _forget_everything() -> None:
    for model in (OrderItem, Order, ProductVariant, Product, Category, SyncCursor):
        model.objects.all().delete()
