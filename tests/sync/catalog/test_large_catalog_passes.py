"""When a catalogue too large to be read whole in every run is read whole all the same."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from pandabase_django.models import Product, Store, SyncCursor, SyncRun
from pandabase_django.sandbox import Sandbox
from tests.sync.conftest import Sync
from tests.sync.equality import product_differences

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]


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


@pytest.mark.parametrize("deleted_product_get", ["404", "200"])
def test_a_shop_that_adds_a_product_between_all_runs_is_read_by_its_newest_changes(
    sandbox: Sandbox, sync: Sync, deleted_product_get: str
) -> None:
    sandbox.set(deleted_product_get=deleted_product_get)
    was_read_whole = []
    for number in range(6):
        sandbox.change([{"op": "create_product"}])
        if number == 2:
            sandbox.change([{"op": "delete_product", "index": 4}])
        was_read_whole.append(was_full(sync("products").run))
    # The second absence of a product whose own GET answers all the same is another run's.
    absent_twice = deleted_product_get == "200"
    assert was_read_whole == [True, False, True, absent_twice, False, False]
    assert product_differences(sandbox) == []


def test_a_run_reads_a_list_that_moves_all_the_time_twice_at_most(
    sandbox: Sandbox, sync: Sync
) -> None:
    match = {"path_regex": "/products$", "query": {"page": 1, "sortBy": "createdAt"}}
    create = {"op": "create_product"}
    # A pass asks for the first page when it begins and once more.
    for nth in (1, 3, 5, 7):
        sandbox.fault([{"match": match, "nth": nth, "action": "none", "changes": [create]}])
    run = sync("products").run
    assert [(step["strategy"], step.get("clean")) for step in run.steps] == [
        ("categories: full pass", True),
        ("products: full pass", True),
        ("products: full pass", True),
    ]
    sandbox.clear_faults()
    settle(sync)
    assert product_differences(sandbox) == []


def test_a_product_of_another_store_keeps_no_large_catalog_from_its_newest_changes(
    sandbox: Sandbox, sync: Sync
) -> None:
    settle(sync)
    moved = Product.objects.order_by("pk")[3].pk
    Product.objects.filter(pk=moved).update(store=Store.objects.create(id="shp_other"))
    assert was_full(sync("products").run)
    assert not was_full(sync("products").run)
    (edited, deleted) = sandbox.change(
        [
            {"op": "edit_product", "index": 9, "fields": {"price": 4242}},
            {"op": "delete_product", "index": 4},
        ]
    )
    assert was_full(sync("products").run)
    assert not was_full(sync("products").run)
    assert Product.objects.get(pk=edited).price_minor == 4242
    assert Product.objects.get(pk=deleted).gone_at is not None
    assert Product.objects.get(pk=moved).store_id == "shp_other"


def say_total(sandbox: Sandbox, total: int) -> None:
    """Let the list count so many products, in whatever order it is asked for."""
    sandbox.clear_faults()
    args = {"set": {"data.pagination.total": total}}
    match = {"path_regex": "/products$"}
    sandbox.fault([{"match": match, "action": "edit_body", "times": 0, "args": args}])


@pytest.mark.parametrize(("by", "state"), [(1, "PARTIAL"), (-1, "COMPLETED")])
def test_a_total_that_stays_wrong_makes_no_run_read_all_of_a_large_catalog(
    sandbox: Sandbox, sync: Sync, by: int, state: str
) -> None:
    say_total(sandbox, 120 + by)
    assert was_full(sync("products").run)
    assert was_full(sync("products").run)  # it may be right again in a minute
    let_time_pass(hours=1)
    run = sync("products").run
    assert (was_full(run), run.state) == (True, state)

    for number in range(3):
        sandbox.change([{"op": "create_product"}])
        say_total(sandbox, 121 + number + by)
        run = sync("products").run
        assert (was_full(run), run.state) == (False, state)
        assert bool(run.attention) == (state == "PARTIAL")
        assert run.requests <= 10
    assert product_differences(sandbox) == []
    let_time_pass(hours=2)
    assert was_full(sync("products").run) == (state == "PARTIAL")

    sandbox.clear_faults()
    run = sync("products").run
    assert (was_full(run), run.state, run.attention) == (True, "COMPLETED", "")
    sandbox.change([{"op": "delete_product", "index": 4}])
    assert sync("products").run.rows_gone == 1
    assert product_differences(sandbox) == []
    settle(sync)


def let_time_pass(*, hours: int) -> None:
    """As if the last look at the wrong total had been so much earlier."""
    cursor = SyncCursor.objects.get(resource="products")
    state = cursor.checkpoint["products"]["unseen"]
    earlier = datetime.fromisoformat(state["at"]) - timedelta(hours=hours)
    state["at"] = earlier.isoformat()
    cursor.save()


UNREADABLE = {"id": "x" * 300}


def test_a_product_that_can_not_be_read_keeps_no_large_catalog_from_its_newest_changes(
    sandbox: Sandbox, sync: Sync
) -> None:
    sandbox.change([{"op": "create_product", "fields": UNREADABLE}])
    settle(sync)
    assert SyncCursor.objects.get().last_full_at is not None
    (deleted,) = sandbox.change([{"op": "delete_product", "index": 4}])
    assert was_full(sync("products").run)
    assert not was_full(sync("products").run)
    assert Product.objects.filter(gone_at__isnull=False).get().pk == deleted
    assert Product.objects.count() == 120


@pytest.mark.fact(20)
def test_while_a_listed_row_can_not_be_read_only_a_404_proves_that_another_is_gone(
    sandbox: Sandbox, sync: Sync
) -> None:
    sandbox.set(deleted_product_get="200")
    (unreadable,) = sandbox.change([{"op": "create_product", "fields": UNREADABLE}])
    settle(sync)
    (deleted,) = sandbox.change([{"op": "delete_product", "index": 4}])
    for _ in range(3):
        sync("products", full=True)
    # For all that is known, the row that can't be read may be this one.
    product = Product.objects.get(pk=deleted)
    assert (product.gone_at, product.absences) == (None, 0)
    sandbox.change([{"op": "delete_product", "id": unreadable}])
    for _ in range(2):
        assert Product.objects.get(pk=deleted).gone_at is None
        sync("products", full=True)
    assert Product.objects.get(pk=deleted).gone_at is not None


@pytest.mark.fact(20)
def test_a_list_of_which_nothing_can_be_read_buries_nothing(sandbox: Sandbox, sync: Sync) -> None:
    settle(sync)
    sandbox.change([{"op": "edit_product", "index": i, "fields": UNREADABLE} for i in range(120)])
    sandbox.fault(
        [
            {
                "match": {"path_regex": "/products/."},
                "times": 0,
                "action": "status",
                "args": {"status": 404},
            }
        ]
    )
    for _ in range(2):
        run = sync("products", full=True).run
        assert any("None of the 120" in text for text in run.warnings)
    assert not Product.objects.filter(gone_at__isnull=False).exists()
