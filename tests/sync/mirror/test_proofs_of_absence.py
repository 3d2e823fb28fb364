"""What is taken for a proof that a row is gone from the remote, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from pandabase_django.models import Category, Order, Product
from pandabase_django.sandbox import Sandbox
from pandabase_django.services.sync.orders.details.writing import mark_dirty
from tests.sync.conftest import Sync
from tests.sync.equality import product_differences

pytestmark = pytest.mark.django_db(transaction=True)

PRODUCTS = 20

NO_PROOFS: dict[str, dict[str, Any]] = {
    "401": {"action": "status", "args": {"status": 401}},
    "403": {"action": "status", "args": {"status": 403}},
    "429": {"action": "status", "args": {"status": 429, "retry_after_seconds": 600}},
    "500": {"action": "status", "args": {"status": 500}},
    "503": {"action": "status", "args": {"status": 503}},
    "html": {"action": "html"},
    "html-404": {"action": "html", "args": {"status": 404}},
    "reset": {"action": "reset"},
    "wrong-json": {"action": "wrong_json"},
    "null-data": {"action": "null_data"},
}


@pytest.fixture
def sandbox_options() -> dict[str, Any]:
    return {"seed": 7, "products": PRODUCTS, "orders": 12, "categories": 5}


@pytest.mark.parametrize("answer", NO_PROOFS)
@pytest.mark.usefixtures("short_backoff")
@pytest.mark.fact(20)
def test_only_a_404_of_the_remote_proves_that_a_product_is_gone(
    sandbox: Sandbox, sync: Sync, answer: str
) -> None:
    sync("products")
    (hidden,) = sandbox.change([{"op": "hide_product", "index": 4}])
    match = {"method": "GET", "path_regex": f"/products/{hidden}$"}
    sandbox.fault([{"match": match, "times": 0, **NO_PROOFS[answer]}])
    for _ in range(2):
        sync("products")
    assert gone(Product) == set()


def test_a_dry_run_counts_no_absence(sandbox: Sandbox, sync: Sync) -> None:
    sync("products")
    sandbox.set(deleted_product_get="200")
    (deleted,) = sandbox.change([{"op": "delete_product", "index": 4}])
    absences = Product.objects.filter(pk=deleted).values_list("absences", flat=True)
    for dry_run, counted in ((True, 0), (False, 1), (True, 1)):
        sync("products", dry_run=dry_run)
        assert (absences.get(), gone(Product)) == (counted, set())
    sandbox.change([{"op": "undelete_product", "index": 4}])
    for dry_run, counted in ((True, 1), (False, 0)):
        sync("products", dry_run=dry_run)
        assert absences.get() == counted


@pytest.mark.parametrize("op", ["delete_product", "delete_category"])
def test_a_tenth_of_a_list_that_vanishes_at_once_is_told_to_a_person(
    sandbox: Sandbox, sync: Sync, op: str
) -> None:
    model, what, many = (
        (Product, "products", PRODUCTS) if op == "delete_product" else (Category, "categories", 5)
    )
    sync("products")
    assert sync("products").run.attention == ""
    share = many // 10 + 1
    deleted = sandbox.change([{"op": op, "index": index} for index in range(share)])
    run = sync("products").run
    assert run.attention == f"{share} of {many} {what} vanished from the remote at once."
    assert gone(model) == set(deleted)


def test_a_few_products_that_vanish_ask_for_nobody(sandbox: Sandbox, sync: Sync) -> None:
    sync("products")
    deleted = sandbox.change([{"op": "delete_product", "index": index} for index in range(2)])
    assert sync("products").run.attention == ""
    assert gone(Product) == set(deleted)
    assert product_differences(sandbox) == []


@pytest.mark.parametrize("sandbox_options", [{"seed": 7, "products": 205, "orders": 0}])
@pytest.mark.fact(20)
def test_a_product_that_slips_past_the_reader_twice_is_not_absent(
    sandbox: Sandbox, sync: Sync, settings: Any
) -> None:
    settings.PANDABASE = {**settings.PANDABASE, "CONCURRENCY": 1}
    sync("products")
    listed = products_listed(sandbox)
    third_page = {"path_regex": "/products$", "query": {"page": 3, "sortOrder": "asc"}}
    for _ in range(2):
        # One that was read goes, so that the first of page 3 stands on page 2, which was read; one
        # that is new takes its place in every count.
        swap = [{"op": "delete_product", "index": 4}, {"op": "create_product"}]
        rule = {"match": third_page, "nth": 2, "action": "none", "changes": swap}
        sandbox.fault([rule])  # page 3 is asked for before, during and after the pass
        run = sync("products").run
        assert "Products: The last page changed while reading." in run.warnings
        sandbox.clear_faults()
        sandbox.change([{"op": "undelete_product", "index": 4}])
        (new,) = products_listed(sandbox) - listed
        sandbox.change([{"op": "delete_product", "id": new}])
    assert products_listed(sandbox) == listed
    assert gone(Product) == set()


@pytest.mark.fact(22)
@pytest.mark.parametrize("counts", ["its orders", "none"])
def test_a_remote_that_finds_none_of_its_orders_buries_none(
    sandbox: Sandbox, sync: Sync, counts: str
) -> None:
    sync("orders")
    (hidden,) = sandbox.change([{"op": "hide_order", "index": 3}])
    mark_dirty(Order.objects.filter(pk=hidden))
    not_found = {"action": "status", "args": {"status": 404}}
    rules = [{"match": {"path_regex": "/orders/ord_"}, "times": 0, **not_found}]
    if counts == "none":
        count = {"path_regex": "/orders$", "query": {"limit": 1}}
        none = {"set": {"data.pagination.total": 0}}
        rules.append({"match": count, "times": 0, "action": "edit_body", "args": none})
    sandbox.fault(rules)
    run = sync("orders").run
    assert (run.state, run.rows_gone, gone(Order)) == ("PARTIAL", 0, set())
    assert hidden in run.attention


@pytest.mark.fact(22)
def test_an_order_that_is_found_when_asked_again_is_not_gone(sandbox: Sandbox, sync: Sync) -> None:
    sync("orders")
    (hidden,) = sandbox.change([{"op": "hide_order", "index": 3}])
    mark_dirty(Order.objects.filter(pk=hidden))
    not_found = {"action": "status", "args": {"status": 404}}
    sandbox.fault([{"match": {"path_regex": f"/orders/{hidden}$"}, "times": 1, **not_found}])
    run = sync("orders").run
    assert (run.rows_gone, gone(Order)) == (0, set())


@pytest.mark.fact(22)
@pytest.mark.parametrize(("page", "rows"), [(1, 0), (2, 3)], ids=["empty", "another-page"])
def test_a_page_that_shows_nothing_of_its_place_proves_no_absence(
    sandbox: Sandbox, sync: Sync, page: int, rows: int
) -> None:
    sync("orders")
    sandbox.change([{"op": "hide_order", "index": 3}])
    (listed,) = sandbox.change([{"op": "edit_order", "index": 8, "fields": {"amount": 4}}])
    not_found = {"action": "status", "args": {"status": 404}}
    place = {"path_regex": "/orders$", "query": {"page": 1, "limit": 100, "sort": "asc"}}
    edits = {"data.items": sandbox.dump("orders")[:rows], "data.pagination.page": page}
    sandbox.fault(
        [
            {"match": {"path_regex": f"/orders/{listed}$"}, "times": 0, **not_found},
            {"match": place, "times": 0, "action": "edit_body", "args": {"set": edits}},
        ]
    )
    mark_dirty(Order.objects.filter(pk=listed))
    run = sync("orders").run
    assert listed in run.attention
    assert gone(Order) == set()


def products_listed(sandbox: Sandbox) -> set[str]:
    return {product["id"] for product in sandbox.dump("products", include_deleted=False)}


def gone(model: Any) -> set[str]:
    return set(model.objects.filter(gone_at__isnull=False).values_list("pk", flat=True))
