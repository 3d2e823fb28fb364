"""Seeded: a store that changes while it is read, answers badly, or loses its reader at any point.

A share runs in CI, the rest in ``make soak``; docs/correctness.md tells how to repeat one seed.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from pandabase_django.models import (
    ApiToken,
    OrderItem,
    ProductVariant,
    SyncCursor,
    SyncRun,
)
from pandabase_django.services.sync.runs import request_cancel
from tests.sync.world import Change, OpenWorld, World, seeds

SCHEDULES = seeds("PANDABASE_SOAK_SCHEDULES", 3)
FAULT_SEEDS = seeds("PANDABASE_SOAK_FAULTS", 1)
KILL_STRIDE = int(os.environ.get("PANDABASE_SOAK_KILL_STRIDE", "43"))
KILL_AT = int(os.environ.get("PANDABASE_SOAK_KILL_AT", "0"))  # this statement alone
KILL_PARTS = 4 if KILL_STRIDE == 1 else 1  # so that several processes can share them


@pytest.mark.parametrize("world", SCHEDULES, indirect=True)
@pytest.mark.fact(20)
def test_a_catalog_that_changes_while_it_is_read_buries_nothing_and_ends_equal(
    world: World,
) -> None:
    dice = world.dice
    if dice.random() < 0.8:
        world.first_sync("products")
    world.sandbox.set(deleted_product_get=dice.choice(["404", "200"]))
    for _ in range(dice.randint(1, 3)):
        rules: list[dict[str, Any]] = [
            {
                "match": {"method": "GET", "path_regex": "/(products|categories)"},
                "nth": dice.randint(1, 12),
                "times": dice.choice([1, 1, 3]),
                "action": "none",
                "changes": world.catalog_changes(dice.randint(1, 5)),
            }
            for _ in range(dice.randint(1, 3))
        ]
        returning = world.may_come_back([change for rule in rules for change in rule["changes"]])
        world.sandbox.fault(rules)
        world.sync("products", full=dice.random() < 0.3)
        assert world.false_tombstones() <= returning
        world.sandbox.clear_faults()
    for _ in range(2):
        assert world.sync("products").run.state == "COMPLETED"
        assert world.false_tombstones() == set()
    assert world.differences("products") == []


@pytest.mark.parametrize("large_world", SCHEDULES, indirect=True)
@pytest.mark.fact(20)
def test_a_catalog_read_by_its_newest_changes_loses_none_whatever_breaks_off(
    large_world: World, settings: Any
) -> None:
    world, dice, usual = large_world, large_world.dice, settings.PANDABASE
    settings.PANDABASE = {**usual, "PRODUCTS_READ_WHOLE": 100}
    world.two_syncs_of_products()
    world.sandbox.set(deleted_product_get=dice.choice(["404", "200"]))
    for _ in range(dice.randint(1, 4)):
        # It may cross the limit in either direction.
        whole = dice.choice([100, 100, 100, world.products])
        settings.PANDABASE = {**usual, "PRODUCTS_READ_WHOLE": whole}
        # Not every rule of the last round struck, so not all that it was to create is there.
        world.products = len(world.sandbox.dump("products"))
        before = world.large_catalog_changes(dice.randint(0, 2))
        rules: list[dict[str, Any]] = [
            {
                "match": {"method": "GET", "path_regex": "/products$"},
                "nth": dice.randint(1, 9),
                "times": 1,
                "action": "none",
                "changes": world.large_catalog_changes(dice.randint(1, 2)),
            }
            for _ in range(dice.randint(0, 2))
        ]
        returning = world.may_come_back(
            before + [change for rule in rules for change in rule["changes"]]
        )
        world.sandbox.change(before)
        world.sandbox.fault(rules)
        _broken_off(world, dice.choice(["nowhere", "answer", "cancelled", "killed"]))
        assert world.false_tombstones() <= returning
        world.sandbox.clear_faults()
    settings.PANDABASE = {**usual, "PRODUCTS_READ_WHOLE": 100}
    for _ in range(2):
        assert world.sync("products").run.state == "COMPLETED"
        assert world.false_tombstones() == set()
    assert world.differences("products") == []


def _broken_off(world: World, by: str) -> None:
    """A sync of products that something ends, maybe in the middle of a reading."""
    dice = world.dice
    options: dict[str, Any] = {"full": dice.random() < 0.2}
    batches = dice.randint(1, 12)

    def cancel(run: SyncRun) -> None:
        nonlocal batches
        batches -= 1
        if not batches:
            request_cancel(run)

    if by == "answer":
        match = {"method": "GET", "path_regex": "/products$"}
        rule = {"action": "status", "args": {"status": 404}, "times": 0}
        world.sandbox.fault([{"match": match, "nth": dice.randint(1, 9), **rule}])
    if by == "cancelled":
        options["on_progress"] = cancel
    execute, _ = _killer(dice.randint(20, 90) if by == "killed" else sys.maxsize)
    with connection.execute_wrapper(execute), suppress(Killed):
        world.sync("products", **options)
    SyncCursor.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize("world", SCHEDULES, indirect=True)
@pytest.mark.fact(22)
def test_orders_that_come_and_change_while_they_are_read_end_equal(world: World) -> None:
    dice = world.dice
    if dice.random() < 0.8:
        world.first_sync("orders")
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
    rounds = 2 + world.sandbox.counts()["orders"] // 200
    for _ in range(rounds):
        assert world.sync("orders").run.state == "COMPLETED"
    assert world.false_tombstones() == set()
    assert world.differences("orders") == []


FAULTS: dict[str, Change] = {
    "401": {"action": "status", "args": {"status": 401}},
    "403": {"action": "status", "args": {"status": 403}},
    "404": {"action": "status", "args": {"status": 404}},
    "429": {"action": "status", "args": {"status": 429, "retry_after_seconds": 0.1}},
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
    "firewall-401": {"action": "html", "args": {"status": 401}},
    "firewall-403": {"action": "html", "args": {"status": 403}},
    "redirect": {"action": "redirect", "args": {"location": "http://127.0.0.1:99999999/"}},
    "total": {"action": "edit_total", "args": {"by": -1}},
    "drip-head": {"action": "drip_head", "args": {"seconds": 0.05, "times": 400}},
    "drip": {"action": "drip", "args": {"bytes": 2, "seconds": 0.1}},
}
DRIPS = ("drip", "drip-head")
IMPATIENT = {"CONNECT_TIMEOUT_SECONDS": 0.2, "READ_TIMEOUT_SECONDS": 0.2}
RESOURCES = ("products", "orders")
# `make test` has each fault meet one of the two.
FAULTS_OF_RESOURCES = [
    pytest.param(fault, resource, marks=[] if (place + number) % 2 else pytest.mark.thorough)
    for place, fault in enumerate(FAULTS)
    for number, resource in enumerate(RESOURCES)
]


@pytest.mark.parametrize("world", FAULT_SEEDS, indirect=True)
@pytest.mark.parametrize(("fault", "resource"), FAULTS_OF_RESOURCES)
@pytest.mark.usefixtures("short_backoff")
@pytest.mark.fact(9)
def test_a_fault_anywhere_buries_nothing_and_loses_nothing(
    world: World, fault: str, resource: str, settings: Any
) -> None:
    dice = random.Random(f"{world.dice.random()} {fault} {resource}")
    world.dice = dice
    if dice.random() < 0.8:
        world.first_sync(resource)
    changes = world.catalog_changes if resource == "products" else world.sales_changes
    world.sandbox.change([change for change in changes(6) if not change["op"].startswith("hide")])
    paths = "/(products|categories)" if resource == "products" else "/(orders|refunds|disputes)"
    # An edited list answer needs a list; what is cut needs a body.
    only_lists = fault in ("empty-page", "duplicates", "total")
    match = {"method": "GET", "path_regex": f"{paths}$" if only_lists else paths}
    # A request is tried five times: one bad answer is made good, more end requests or the run.
    times = dice.choice([1, 6, 25])
    world.sandbox.fault(
        [{"match": match, "nth": dice.randint(1, 12), "times": times, **FAULTS[fault]}]
    )
    patient = settings.PANDABASE
    # Each try of an answer that drips in lasts for as long as the time-outs allow.
    settings.PANDABASE = {**patient, **(IMPATIENT if fault in DRIPS else {})}
    world.sync(resource, full=dice.random() < 0.5)
    settings.PANDABASE = patient
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


@pytest.mark.parametrize("part", range(KILL_PARTS))
@pytest.mark.parametrize("resource", ["products", "orders"])
@pytest.mark.parametrize("first", [True, False], ids=["first-sync", "later-sync"])
def test_a_reader_killed_before_any_statement_is_made_good_by_the_next_run(
    open_world: OpenWorld, resource: str, first: bool, part: int
) -> None:
    at = KILL_AT or random.Random(resource).randint(1, KILL_STRIDE) + part * KILL_STRIDE
    kills = 0
    while not (KILL_AT and kills):
        # One seed, so that each of them dies a statement further on in the same run.
        with open_world(f"{resource} {first}") as world:
            died = _kill_and_make_good(world, resource, first=first, at=at)
        if died:
            kills += 1
            at += KILL_STRIDE * KILL_PARTS
        elif kills or KILL_AT or at == 1:
            break
        else:
            at //= 2  # the whole run has fewer statements than one stride
    assert kills


def _kill_and_make_good(world: World, resource: str, *, first: bool, at: int) -> bool:
    """False when the run came to its end before the statement at which it was to die."""
    if not first:
        world.first_sync(resource)
        changes = world.catalog_changes if resource == "products" else world.sales_changes
        # What the next run alone must find; edits without a trace come round later.
        later = ("hide_order", "edit_order", "set_order_status")
        world.sandbox.change([change for change in changes(6) if change["op"] not in later])
    execute, statements = _killer(at)
    died = False
    with connection.execute_wrapper(execute):
        try:
            world.sync(resource)
        except Killed:
            died = True
    SyncCursor.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert world.false_tombstones() == set()
    assert world.sync(resource).run.state == "COMPLETED"
    assert world.differences(resource) == [], f"killed before statement {at}"
    assert died or statements() < at
    return died
