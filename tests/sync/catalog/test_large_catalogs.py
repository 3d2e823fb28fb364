"""Catalogues too large to be read whole in every run: no change hides behind newer ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from pandabase_django.models import Product, SyncCursor, SyncRun
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.runs import request_cancel
from tests.sync.conftest import Sync
from tests.sync.equality import product_differences

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]

PRODUCTS = 450
OF = "products: "
A_LATE_HOUR = 1_900_000_000_000  # milliseconds since 1970, later than all that stands there


@pytest.fixture
def sandbox_options(settings: Any) -> dict[str, Any]:
    settings.PANDABASE = {**settings.PANDABASE, "PRODUCTS_READ_WHOLE": 100}
    return {"seed": 7, "products": PRODUCTS, "orders": 0, "categories": 5}


@pytest.fixture
def settled(sandbox: Sandbox, sync: Sync) -> Sync:
    """A mirror that two passes agreed on; what follows reads the newest changes."""
    for _ in range(2):
        assert sync("products").run.state == "COMPLETED"
    assert product_differences(sandbox) == []
    return sync


def edit(sandbox: Sandbox, indexes: range, price: int) -> None:
    fields = {"price": price}
    sandbox.change([{"op": "edit_product", "index": i, "fields": fields} for i in indexes])


def strategies(run: SyncRun) -> list[str]:
    """What was done for products, in order."""
    names = [step["strategy"] for step in run.steps]
    return [name.removeprefix(OF) for name in names if name.startswith(OF)]


def steps(run: SyncRun) -> dict[str, int]:
    """The requests of each strategy for products."""
    requests = Counter[str]()
    for step in run.steps:
        if step["strategy"].startswith(OF):
            requests[step["strategy"].removeprefix(OF)] += step["requests"]
    return dict(requests)


def fail(sandbox: Sandbox, sync: Sync, *, at: dict[str, Any]) -> None:
    """A run that ends at this request."""
    sandbox.fault([{"match": at, "times": 0, "action": "status", "args": {"status": 404}}])
    assert sync("products").run.state == "FAILED"
    sandbox.clear_faults()


def newest(page: int) -> dict[str, Any]:
    return {"path_regex": "/products$", "query": {"page": page, "sortBy": "updatedAt"}}


def oldest(page: int) -> dict[str, Any]:
    return {"path_regex": "/products$", "query": {"page": page, "sortBy": "createdAt"}}


@pytest.mark.fact(20)
def test_a_large_catalog_is_read_by_its_newest_changes_once_two_passes_agreed(
    sandbox: Sandbox, sync: Sync
) -> None:
    two_passes = ["full pass", "full pass", "newest changes"]
    found = [strategies(sync("products").run) for _ in range(2)]
    assert found == [two_passes, ["newest changes"]]
    edit(sandbox, range(9, 10), price=4242)
    sandbox.change([{"op": "delete_product", "index": 4}])
    assert strategies(sync("products").run) == ["newest changes", *two_passes]
    assert product_differences(sandbox) == []
    assert strategies(sync("products").run) == ["newest changes"]


def test_nothing_new_costs_one_request_and_an_edit_one_more(
    sandbox: Sandbox, settled: Sync
) -> None:
    assert steps(settled("products").run) == {"newest changes": 1}
    edit(sandbox, range(9, 10), price=4242)
    assert steps(settled("products").run) == {"newest changes": 2}
    assert product_differences(sandbox) == []
    # What came last is looked behind once more: its neighbours may have shown a little later.
    assert steps(settled("products").run) == {"newest changes": 2}
    assert steps(settled("products").run) == {"newest changes": 1}


@pytest.mark.parametrize("why", ["failed", "cancelled"])
def test_a_reading_that_broke_off_hides_nothing(sandbox: Sandbox, settled: Sync, why: str) -> None:
    edit(sandbox, range(150), price=31)
    if why == "failed":
        fail(sandbox, settled, at=newest(page=2))
    else:

        def cancel(run: SyncRun) -> None:
            if run.rows_updated:
                request_cancel(run)

        assert settled("products", on_progress=cancel).run.state == "CANCELLED"
    assert len(product_differences(sandbox)) == 50
    assert steps(settled("products").run) == {"newest changes": 3}
    assert product_differences(sandbox) == []


def test_edits_during_a_full_pass_are_found_by_its_run(sandbox: Sandbox, settled: Sync) -> None:
    read, unread = range(50), range(250, 400)
    sandbox.fault(
        [
            {
                "match": oldest(page=2),
                "action": "none",
                "changes": [
                    {"op": "edit_product", "index": index, "fields": {"price": 31}}
                    for index in (*read, *unread)
                ],
            }
        ]
    )
    run = settled("products", full=True).run
    assert steps(run)["newest changes"] >= 3
    assert product_differences(sandbox) == []
    assert steps(settled("products").run).keys() == {"newest changes"}


def test_edits_of_one_moment_are_all_found(sandbox: Sandbox, settled: Sync) -> None:
    sandbox.set_clock(A_LATE_HOUR)
    edit(sandbox, range(300), price=31)
    assert settled("products").run.state == "COMPLETED"
    assert product_differences(sandbox) == []
    assert steps(settled("products").run) == {"newest changes": 4}
    assert steps(settled("products").run) == {"newest changes": 1}


def test_an_edit_that_shows_a_little_late_is_found_behind_newer_ones(
    sandbox: Sandbox, settled: Sync
) -> None:
    sandbox.set_clock(A_LATE_HOUR + 1000)
    edit(sandbox, range(150), price=31)
    settled("products")
    sandbox.set_clock(A_LATE_HOUR)
    edit(sandbox, range(200, 205), price=32)
    settled("products")
    assert product_differences(sandbox) == []


def test_products_dated_in_the_far_future_hide_no_edit(sandbox: Sandbox, settled: Sync) -> None:
    sandbox.set_clock(A_LATE_HOUR)
    edit(sandbox, range(80), price=31)
    sandbox.set_clock(None)
    settled("products")
    settled("products")
    edit(sandbox, range(100, 350), price=32)
    settled("products")
    assert product_differences(sandbox) == []


def test_a_clock_that_ran_ahead_in_another_worker_hides_no_edit(
    sandbox: Sandbox, settled: Sync
) -> None:
    cursor = SyncCursor.objects.get()
    cursor.checkpoint = {"products": {"frontier": {"at": "2199-01-01T00:00:00+00:00"}}}
    cursor.save()
    edit(sandbox, range(150), price=31)
    fail(sandbox, settled, at=newest(page=2))
    settled("products")
    assert product_differences(sandbox) == []


@pytest.mark.parametrize("op", ["delete", "undelete", "edit"])
def test_what_becomes_of_a_category_is_seen_in_its_products(
    sandbox: Sandbox, settled: Sync, op: str
) -> None:
    if op == "undelete":
        sandbox.change([{"op": "delete_category", "index": 2}])
        settled("products")
    sandbox.change([{"op": f"{op}_category", "index": 2, "fields": {"name": "Other"}}])
    assert "full pass" in steps(settled("products").run)
    assert product_differences(sandbox) == []
    assert dict(Product.objects.values_list("pk", "payload__categories")) == {
        product["id"]: product["categories"] for product in sandbox.dump("products")
    }
    assert steps(settled("products").run) == {"newest changes": 1}


def test_a_category_that_changed_before_a_broken_run_is_not_forgotten(
    sandbox: Sandbox, settled: Sync
) -> None:
    sandbox.change([{"op": "delete_category", "index": 2}])
    fail(sandbox, settled, at=oldest(page=3))
    assert "full pass" in steps(settled("products").run)
    assert product_differences(sandbox) == []


def test_a_checkpoint_of_a_former_version_gets_one_full_pass(
    sandbox: Sandbox, settled: Sync
) -> None:
    SyncCursor.objects.update(checkpoint={"settled": True})
    edit(sandbox, range(150), price=31)
    assert "full pass" in steps(settled("products").run)
    assert steps(settled("products").run).keys() == {"newest changes"}
    assert product_differences(sandbox) == []
    assert SyncCursor.objects.get().checkpoint["products"].keys() == {"frontier"}


def test_a_catalogue_may_cross_the_limit_in_both_directions(
    sandbox: Sandbox, settled: Sync, settings: Any
) -> None:
    usual = settings.PANDABASE
    for limit, price in ((PRODUCTS, 1), (PRODUCTS - 1, 2), (PRODUCTS, 3), (PRODUCTS - 1, 4)):
        settings.PANDABASE = {**usual, "PRODUCTS_READ_WHOLE": limit}
        edit(sandbox, range(150), price=price)
        whole = limit == PRODUCTS
        run = settled("products").run
        assert ("full pass" in steps(run), "newest changes" in steps(run)) == (whole, not whole)
        assert product_differences(sandbox) == []


def test_a_dry_run_counts_each_product_once(sandbox: Sandbox, settled: Sync) -> None:
    edit(sandbox, range(3), price=31)
    sandbox.change([{"op": "create_product"}])
    before = Product.objects.in_bulk()
    dry = settled("products", dry_run=True).run
    assert steps(dry).keys() == {"newest changes", "full pass"}
    assert Product.objects.in_bulk() == before
    assert (dry.rows_created, dry.rows_updated) == (1, 3)
