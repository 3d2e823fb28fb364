"""Seeded: a remote that lags, miscounts, refuses and shuffles while its store changes.

A share runs in CI, the rest in ``make soak``; docs/correctness.md tells how to repeat one seed.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from pandabase_django.exceptions import PandabaseError
from pandabase_django.services.sync.refresh import fetch_order
from tests.sync.misbehaviour import Misbehaviour, PassTime, drawn_catalog
from tests.sync.world import OpenWorld, World, seeds

SEEDS = seeds("PANDABASE_SOAK_MISBEHAVIOURS", 2)

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("short_backoff")]


@pytest.fixture(autouse=True)
def _ten_minutes(settings: Any) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "MARK_GONE_AFTER_SECONDS": 600}


def _after_first_sync(world: World, resource: str, pass_time: PassTime) -> Misbehaviour:
    if world.dice.random() < 0.8:
        world.first_sync(resource)
        pass_time(world.sandbox, 700)
    misbehaviour = Misbehaviour(world, resource)
    misbehaviour.begin()
    return misbehaviour


@pytest.mark.parametrize("seed", SEEDS)
def test_a_catalog_of_a_remote_that_misbehaves_loses_nothing_and_ends_equal(
    open_world: OpenWorld, seed: int, pass_time: PassTime, settings: Any
) -> None:
    with open_world(f"products {seed}", catalog=drawn_catalog(seed)) as world:
        dice = world.dice
        misbehaviour = _after_first_sync(world, "products", pass_time)
        whole = dice.choice([50, 2000])
        settings.PANDABASE = {**settings.PANDABASE, "PRODUCTS_READ_WHOLE": whole}
        many = dice.choice([world.catalog_changes, world.large_catalog_changes])
        for _ in range(dice.randint(2, 4)):
            world.products = len(world.sandbox.dump("products"))
            misbehaviour.begin_round(many)
            for _ in range(dice.choice([1, 1, 3])):
                world.sync("products", full=dice.random() < 0.3)
                assert world.false_tombstones() <= misbehaviour.absent
            misbehaviour.end_round()
            pass_time(world.sandbox, dice.choice([1, 20, 90, 400]))
        misbehaviour.end()
        pass_time(world.sandbox, 700)
        for _ in range(3):
            assert world.sync("products").run.state == "COMPLETED"
            assert world.false_tombstones() <= misbehaviour.absent
        # A product that came back undated, far from the newest changes, is seen by a full pass.
        assert world.sync("products", full=True).run.state == "COMPLETED"
        assert world.false_tombstones() == set()
        assert world.differences("products") == []


@pytest.mark.parametrize("seed", SEEDS)
def test_orders_of_a_remote_that_misbehaves_are_not_lost_and_end_equal(
    open_world: OpenWorld, seed: int, pass_time: PassTime
) -> None:
    with open_world(f"orders {seed}", catalog=drawn_catalog(seed)) as world:
        dice = world.dice
        misbehaviour = _after_first_sync(world, "orders", pass_time)
        for _ in range(dice.randint(2, 4)):
            misbehaviour.begin_round(world.sales_changes)
            orders = world.sandbox.dump("orders")
            for _ in range(dice.choice([1, 1, 3])):
                for order in [*orders[-2:], *dice.sample(orders, 2)]:
                    # As a webhook would, maybe at another replica.
                    with suppress(PandabaseError):
                        fetch_order(world.store, order["id"])
                world.sync("orders", full=dice.random() < 0.2)
                assert world.false_tombstones() <= misbehaviour.absent
            misbehaviour.end_round()
            pass_time(world.sandbox, dice.choice([1, 20, 90, 400]))
        misbehaviour.end()
        pass_time(world.sandbox, 700)
        world.show_all_orders()
        # What leaves no trace but in its own row comes round with the rolling pass.
        for _ in range(3 + world.sandbox.counts()["orders"] // 200):
            assert world.sync("orders").run.state == "COMPLETED"
            assert world.false_tombstones() <= misbehaviour.absent
        assert world.false_tombstones() == set()
        assert world.differences("orders") == []
