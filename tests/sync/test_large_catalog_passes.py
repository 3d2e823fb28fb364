"""When a catalogue too large to be read whole in every run is read whole all the same."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from pandabase_django.models import Product, SyncCursor, SyncRun
from pandabase_django.sandbox import Sandbox
from tests.sync.conftest import Sync
from tests.sync.equality import product_differences

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox_options(settings: Any) -> dict[str, Any]:
    settings.PANDABASE = {**settings.PANDABASE, "PRODUCTS_READ_WHOLE": 100}
    return {"seed": 7, "products": 120, "orders": 0, "categories": 2}


def was_full(run: SyncRun) -> bool:
    return "products: full pass" in {step["strategy"] for step in run.steps}


def settle(sync: Sync) -> None:
    """Two passes agree; then the newest changes alone are read."""
    while was_full(sync("products").run):
        pass


def test_a_product_deleted_while_another_came_back_is_seen_within_a_day(
    sandbox: Sandbox, sync: Sync
) -> None:
    (back,) = sandbox.change([{"op": "delete_product", "index": 100}])
    # A page of changes that are newer than all of the one that comes back.
    sandbox.change([{"op": "edit_product", "index": index} for index in range(100)])
    settle(sync)
    (deleted,) = sandbox.change([{"op": "delete_product", "index": 101}])
    sandbox.change([{"op": "undelete_product", "id": back}])
    assert not was_full(sync("products").run)
    assert {line.split(":")[0] for line in product_differences(sandbox)} >= {deleted, back}
    SyncCursor.objects.update(last_full_at=F("last_full_at") - timedelta(days=1))
    assert was_full(sync("products").run)
    assert product_differences(sandbox) == []


@pytest.mark.parametrize("full", [True, False])
def test_a_full_sync_of_a_large_catalog_reads_it_whole(
    sandbox: Sandbox, sync: Sync, full: bool
) -> None:
    settle(sync)
    assert was_full(sync("products", full=full).run) == full


@pytest.mark.fact(20)
def test_a_product_that_a_dying_pass_missed_needs_two_new_absences_once_it_is_back(
    sandbox: Sandbox, sync: Sync
) -> None:
    sandbox.set(deleted_product_get="200")
    settle(sync)
    (product,) = sandbox.change([{"op": "delete_product", "index": 4}])
    sights = 0

    def die(run: SyncRun) -> None:
        nonlocal sights
        sights += Product.objects.filter(absences=1).exists()
        if sights == 2:  # the first one is inside the transaction that notes the absence
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        sync("products", on_progress=die)
    assert Product.objects.get(absences=1).pk == product
    sandbox.change([{"op": "undelete_product", "id": product}])
    sync("products")
    sandbox.change([{"op": "delete_product", "id": product}])
    sync("products")
    assert Product.objects.get(pk=product).gone_at is None
    sync("products")
    assert Product.objects.get(pk=product).gone_at is not None
